"""The actions of a station, for any program: they take plain values, and return results or raise ValueError or OSError.

Open the record of the office, and then the shop with `shop.open_shop(keys, cards, person)`, or a `station.Station` for
actions that need no cards. Each action checks the right of the person before anything is done.
A command of `wattpurse` parses its arguments, calls one action and prints the result.
"""
