"""The one place of the ledger's ring in the flash, for the meter's image and for stock MicroPython, on any flash size.

A ledger at another place is a meter's money that this firmware cannot see: an image that is flashed over a meter with
another layout must not begin a new ledger beside it, or meter over it.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

RING_OFFSET = 0x370000
RING_BYTES = 144 * 4096

_SECTOR_BYTES = 4096
_LEDGERS_SECTOR = b"WPJ1"  # a sector of a ring begins with it: see core/journal/ring.py


def check(read: "Callable[[int, bytearray], object]", flash_bytes: int) -> None:
    """Raise OSError if the ring's place holds no sector of a ring, and another place does.

    `read(address, buffer)` reads the whole flash of `flash_bytes`, from its start.
    """
    if _first(read, RING_OFFSET, RING_OFFSET + RING_BYTES) is not None:
        return
    found = _first(read, 0, RING_OFFSET)
    if found is None:
        found = _first(read, RING_OFFSET + RING_BYTES, flash_bytes)
    if found is not None:
        raise OSError(
            f"a ledger lies at {found:#x} of the flash, and this firmware keeps it at {RING_OFFSET:#x}: the meter does"
            " not start beside it. Flash the former firmware again, or erase the whole flash and commission the meter"
            " under a new number"
        )


def _first(read: "Callable[[int, bytearray], object]", start: int, end: int) -> int | None:
    """Return the address of the first sector of a ring between `start` and `end`, or None."""
    beginning = bytearray(len(_LEDGERS_SECTOR))
    for address in range(start, end, _SECTOR_BYTES):
        read(address, beginning)
        if beginning == _LEDGERS_SECTOR:
            return address
    return None
