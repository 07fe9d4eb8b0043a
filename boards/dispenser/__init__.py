"""The dispensing unit on a Raspberry Pi Pico."""
