"""Many statements as one piece of bytes, for `Keys.unseal_statements`.

The vault's socket checks and codes each value of a call by itself. A call with 500 statements would have 1,500
of them. In a piece each statement has a head of a fixed size and then its bytes.
"""

import struct
from collections.abc import Sequence

from wattpurse_tools.vault.interface import Keys, Refused, UnsealedStatement

# A statement as the vault takes it: the meter number, the identity and the sealed bytes.
SealedStatement = tuple[int, bytes, bytes]

_SEALED = struct.Struct("<IBH")  # meter number, size of the identity, size of the sealed statement
_UNSEALED = struct.Struct("<?IHH")  # True if it is authentic, key version, statement number, size of the payload
_NOT_AUTHENTIC = _UNSEALED.pack(False, 0, 0, 0)
_ENDS_EARLY = "the piece of statements ends early"


def unseal(keys: Keys, statements: Sequence[SealedStatement]) -> list[UnsealedStatement | None]:
    """Return `(key version, statement number, payload)` of each statement, or None for one that is not authentic."""
    return unpack_unsealed(keys.unseal_statements(pack_sealed(statements)))


def pack_sealed(statements: Sequence[SealedStatement]) -> bytes:
    """Return sealed statements as one piece. Raise Refused if a number or a size has no room in it."""
    parts: list[bytes] = []
    for meter_number, identity, sealed in statements:
        try:
            parts += (_SEALED.pack(meter_number, len(identity), len(sealed)), identity, sealed)
        except struct.error:
            raise Refused(
                f"a statement of meter {meter_number} is too long, or the number is none of a meter"
            ) from None
    return b"".join(parts)


def unpack_sealed(piece: bytes) -> list[SealedStatement]:
    """Return the sealed statements in a piece of `pack_sealed`. Raise Refused for other bytes."""
    found: list[SealedStatement] = []
    place = 0
    while place < len(piece):
        meter_number, identity_size, sealed_size = _head(_SEALED, piece, place)
        middle = place + _SEALED.size + identity_size
        found.append((meter_number, piece[middle - identity_size : middle], piece[middle : middle + sealed_size]))
        place = middle + sealed_size
    _check_end(piece, place)
    return found


def pack_unsealed(results: Sequence[UnsealedStatement | None]) -> bytes:
    """Return unsealed statements as one piece."""
    parts: list[bytes] = []
    for one in results:
        if one is None:
            parts.append(_NOT_AUTHENTIC)
        else:
            key_version, number, payload = one
            parts += (_UNSEALED.pack(True, key_version, number, len(payload)), payload)
    return b"".join(parts)


def unpack_unsealed(piece: bytes) -> list[UnsealedStatement | None]:
    """Return the unsealed statements in a piece of `pack_unsealed`. Raise Refused for other bytes."""
    found: list[UnsealedStatement | None] = []
    place = 0
    while place < len(piece):
        is_authentic, key_version, number, size = _head(_UNSEALED, piece, place)
        place += _UNSEALED.size
        found.append((key_version, number, piece[place : place + size]) if is_authentic else None)
        place += size
    _check_end(piece, place)
    return found


def _head(form: struct.Struct, piece: bytes, place: int) -> tuple:
    try:
        return form.unpack_from(piece, place)
    except struct.error:
        raise Refused(_ENDS_EARLY) from None


def _check_end(piece: bytes, place: int) -> None:
    if place != len(piece):
        raise Refused(_ENDS_EARLY)
