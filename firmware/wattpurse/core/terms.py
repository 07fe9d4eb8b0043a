"""The terms of supply that the landlord sets: named integers with default and range, kept in the ledger's snapshot."""

import struct

NO_LIMIT = 0

# name, default, lowest, highest. New terms go at the end: a snapshot names them by their place.
_TERMS = (
    ("credit_limit_microunits", NO_LIMIT, 0, 10**15),
    ("credit_limit_mwh", NO_LIMIT, 0, 10**15),
    ("low_credit_microunits", 2_000_000, 0, 10**15),
    ("low_credit_mwh", 5_000_000, 0, 10**15),
)
_PLACES = {term[0]: place for place, term in enumerate(_TERMS)}


class Terms:
    """The terms in force. `terms["credit_limit_mwh"]` reads one; `set` changes one."""

    def __init__(self):
        self._values = [term[1] for term in _TERMS]

    def __getitem__(self, name: str) -> int:
        return self._values[_PLACES[name]]

    def set(self, name: str, value: int):
        """Change one term. Raises ValueError, saying what is allowed, for an unknown name or a value out of range."""
        if name not in _PLACES:
            raise ValueError("no term '" + name + "'; there are: " + ", ".join(names()))
        _, _, lowest, highest = _TERMS[_PLACES[name]]
        if not lowest <= value <= highest:
            raise ValueError(f"{name} must be from {lowest} to {highest}")
        self._values[_PLACES[name]] = value

    def pack(self) -> bytes:
        """All terms as bytes."""
        return struct.pack("<B", len(self._values)) + b"".join(struct.pack("<q", value) for value in self._values)

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """`(terms, position behind them)`; terms that came after the data was written keep their default.

        Raises ValueError where the data ends before.
        """
        if position >= len(data):
            raise ValueError("terms are missing")
        terms = cls()
        count = data[position]
        position += 1
        for place in range(min(count, len(_TERMS))):
            terms._values[place] = struct.unpack_from("<q", data, position + 8 * place)[0]
        return terms, position + 8 * count


def names() -> tuple:
    """The names of all terms."""
    return tuple(term[0] for term in _TERMS)
