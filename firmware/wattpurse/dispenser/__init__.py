"""The dispensing unit: a vending point of its own, without a computer."""
