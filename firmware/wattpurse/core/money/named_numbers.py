"""Integers by name, each with a default and a range. Flash holds only the numbers that differ from their defaults.

A table is a tuple of (name, default, lowest, highest). Flash names a number by its place in the table. New numbers go
at the end, and no number is ever removed.

Packed numbers are a count, 128 and the number of entries, then for each a place and the value in one, four or eight
bytes. The range in the table decides which, so a range may change only within its size. The form before this one had a
count below 128 and eight bytes for each value; it is still read.
"""

import struct

_BY_RANGE = 128
_WIDEST = "<q"


class NamedNumbers:
    """The numbers of one `table`. `places` maps a name to its place there; `what` is the word for one number."""

    def __init__(self, table: tuple, places: dict, what: str) -> None:
        self._table = table
        self._places = places
        self._what = what
        self._values = [row[1] for row in table]
        self._defaults = list(self._values)

    def __getitem__(self, name: str) -> int:
        return self._values[self._places[name]]

    def place(self, name: str) -> int:
        """Return the place of a number in flash and tokens. Raise ValueError with all names for an unknown name."""
        if name not in self._places:
            raise ValueError(f"no {self._what} '{name}'; there are: " + ", ".join(row[0] for row in self._table))
        return self._places[name]

    def check(self, place: int, value: int) -> None:
        """Raise ValueError with the allowed range for an unknown place or a value out of range."""
        if not 0 <= place < len(self._table):
            raise ValueError(f"no {self._what} {place}")
        name, _, lowest, highest = self._table[place]
        if not lowest <= value <= highest:
            raise ValueError(f"{name} must be from {lowest} to {highest}")

    def set_at(self, place: int, value: int) -> None:
        """Change the number at a place. Raise ValueError as `check` does."""
        self.check(place, value)
        self._values[place] = value

    def set(self, name: str, value: int) -> None:
        """Change one number. Raise ValueError for an unknown name or a value out of range."""
        self.set_at(self.place(name), value)

    def changed(self) -> list:
        """Return `(place, value)` of every number that differs from its default."""
        if self._values == self._defaults:  # most meters, most of the time
            return []
        return [(place, value) for place, value in enumerate(self._values) if value != self._defaults[place]]

    def pack(self) -> bytes:
        """Pack the numbers into bytes."""
        changed = self.changed()
        parts = [bytes((_BY_RANGE + len(changed),))]
        for place, value in changed:
            parts.append(bytes((place,)))
            parts.append(struct.pack(self._layout(place), value))
        return b"".join(parts)

    def take_packed(self, data: bytes, position: int) -> int:
        """Take over the numbers that `pack` put at `position`. Return the position behind them.

        Raise ValueError for bytes that `pack` does not produce.
        """
        by_range, count = divmod(self._byte(data, position), _BY_RANGE)
        position += 1
        for _ in range(count):
            place = self._byte(data, position)
            layout = self._layout(place) if by_range else _WIDEST
            end = position + 1 + struct.calcsize(layout)
            self._byte(data, end - 1)
            self.set_at(place, struct.unpack_from(layout, data, position + 1)[0])
            position = end
        return position

    def _byte(self, data: bytes, position: int) -> int:
        """Return the byte at `position`. Raise ValueError behind the end of the data."""
        if position >= len(data):
            raise ValueError(f"the {self._what}s end early")
        return data[position]

    def _layout(self, place: int) -> str:
        """Return the layout of the number at a place. Raise ValueError for an unknown place."""
        if place >= len(self._table):
            raise ValueError(f"no {self._what} {place}")
        _, _, lowest, highest = self._table[place]
        if lowest < 0 or highest >= 1 << 32:
            return _WIDEST
        return "<B" if highest < 1 << 8 else "<I"
