"""The newest tokens that a meter refused for good: their numbers are used, and they changed nothing.

An order that no later tap can redeem, such as an outdated tariff, would block its card and the credit behind it. The
meter therefore voids it. The statement names it and the reason, so that the station knows that it had no effect. Tokens
that credit something are never voided.
"""

import struct

KEPT = 4

_ENTRY = "<IB"  # token number, outcome
_SIZE = struct.calcsize(_ENTRY)


class VoidedTokens:
    """The newest voided tokens, oldest first, as `(token number, outcome)`."""

    def __init__(self) -> None:
        self.newest = []

    def note(self, sequence: int, outcome: int) -> None:
        """Note that a token was voided, and why. Forget the oldest if there are more than KEPT."""
        self.newest.append((sequence, outcome))
        del self.newest[:-KEPT]

    def pack(self) -> bytes:
        """Pack the voided tokens into bytes."""
        return bytes((len(self.newest),)) + b"".join(struct.pack(_ENTRY, *entry) for entry in self.newest)

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(voided tokens, position behind them)` of the bytes at `position`. Raise ValueError for others."""
        voided = cls()
        count = data[position] if position < len(data) else KEPT + 1
        position += 1
        if count > KEPT or position + count * _SIZE > len(data):
            raise ValueError("the voided tokens end early")
        for _ in range(count):
            voided.newest.append(struct.unpack_from(_ENTRY, data, position))
            position += _SIZE
        return voided, position
