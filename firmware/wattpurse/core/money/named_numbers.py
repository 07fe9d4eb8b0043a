"""Integers by name, each with a default and a range. Flash holds only the numbers that differ from their defaults.

    count u8, then for each number: place u8, value as a signed varint

A table is a tuple of (name, default, lowest, highest). Flash names a number by its place in the table. New numbers go
at the end, and no number is ever removed.
"""

from wattpurse.core.journal.varint import put_signed, take_signed


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

    def add(self, name: str, amount: int) -> None:
        """Add `amount` to one number. Raise ValueError if the sum is out of range."""
        self.set(name, self[name] + amount)

    def changed(self) -> list:
        """Return `(place, value)` of every number that differs from its default."""
        if self._values == self._defaults:  # most meters, most of the time
            return []
        return [(place, value) for place, value in enumerate(self._values) if value != self._defaults[place]]

    def pack(self) -> bytes:
        """Pack the numbers into bytes."""
        changed = self.changed()
        out = bytearray((len(changed),))
        for place, value in changed:
            out.append(place)
            put_signed(out, value)
        return bytes(out)

    def take_packed(self, data: bytes, position: int) -> int:
        """Take over the numbers that `pack` put at `position`. Return the position behind them.

        Raise ValueError for bytes that `pack` does not produce.
        """
        if position >= len(data):
            raise ValueError(f"the {self._what}s end early")
        count = data[position]
        position += 1
        for _ in range(count):
            value, end = take_signed(data, position + 1)
            self.set_at(data[position], value)
            position = end
        return position
