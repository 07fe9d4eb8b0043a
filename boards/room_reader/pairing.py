"""The pairing key in the flash of the room reader: one page of the first sector that MicroPython offers as storage.

A power cut amid a write leaves a board without a key. It shows so, and is paired again.
"""

from binascii import crc32

import rp2

_MARK = b"WPRR"
_KEY_BYTES = 16
_CHECK_BYTES = 4
_SECTOR_BYTES = 4_096


class FlashPairing:
    """The key on the flash's own block device."""

    def __init__(self) -> None:
        self._blocks = rp2.Flash(start=0, len=_SECTOR_BYTES)

    def read(self) -> bytes | None:
        """Return the key, or None if none was written whole."""
        record = bytearray(len(_MARK) + _KEY_BYTES + _CHECK_BYTES)
        self._blocks.readblocks(0, record, 0)
        body = record[:-_CHECK_BYTES]
        if body[: len(_MARK)] != _MARK or record[-_CHECK_BYTES:] != crc32(body).to_bytes(_CHECK_BYTES, "little"):
            return None
        return bytes(body[len(_MARK) :])

    def write(self, key: bytes) -> None:
        """Keep another key."""
        body = _MARK + key
        sector = bytearray(_SECTOR_BYTES)
        sector[: len(body)] = body
        sector[len(body) : len(body) + _CHECK_BYTES] = crc32(body).to_bytes(_CHECK_BYTES, "little")
        self._blocks.writeblocks(0, sector)
