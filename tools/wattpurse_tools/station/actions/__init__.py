"""The actions of a station, for any program: they take plain values, and return results or raise ValueError or OSError.

Open the station with `shop.open_shop(keys, record, cards)`, or with `station.open_station(keys, record)` for actions
that need no cards. A command of `wattpurse` parses its arguments, calls one action and prints the result.
"""
