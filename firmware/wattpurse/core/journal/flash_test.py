"""A test of flash before a meter relies on it: does the chip keep each bit that a later program leaves alone?

The journal clears the 224 bits of a tally one by one, eight tallies to a page, so a page takes up to 1,792 programs and
a byte up to 8 between two erases. Data sheets allow programs at erased locations and are silent about this; there are
chips that set bits back. The other way of counting programs each byte once (see `Journal.count_by_records`).
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.hal import Flash

_SECTOR_BYTES = 4096
_PAGE_BYTES = 256
_PAGES = _SECTOR_BYTES // _PAGE_BYTES
_SLOT_BYTES = 32
_BYTES_OF_OTHER_PAGES = 4
_STEPS_AT_ONCE = 16
_BLANK = b"\xff" * _PAGE_BYTES


class FlashUnfit(ValueError):
    """The chip does not keep the data that a journal writes."""


def clear_bits(flash: "Flash", sectors: tuple) -> "Iterator[None]":
    """Clear bits one by one in every page of the sectors, reading the page back at each step.

    The first page loses all its bits, the others those of some bytes. Everything in the sectors is lost. Yields often,
    so that others can run. Raises FlashUnfit, OSError.
    """
    for sector in sectors:
        yield from _erased(flash, sector)
        for page in range(_PAGES):
            first, count = page * 12, _BYTES_OF_OTHER_PAGES
            if page == 0 and sector == sectors[0]:
                first, count = 0, _PAGE_BYTES
            wanted = bytearray(_BLANK)
            for step in range(8 * count):
                at = first + step // 8
                wanted[at] &= 0xFF << step % 8 + 1
                _program(flash, sector, page, at, wanted[at : at + 1], wanted)
                if step % _STEPS_AT_ONCE == 0:
                    yield
            _refuse_unless_blank(flash, sector, page + 1)
            yield
        yield from _erased(flash, sector)


def program_slots(flash: "Flash", sectors: tuple) -> "Iterator[None]":
    """Program every page of the sectors slot by slot, each byte once, reading it back at each step; as `clear_bits`."""
    for sector in sectors:
        yield from _erased(flash, sector)
        for page in range(_PAGES):
            wanted = bytearray(_BLANK)
            for at in range(0, _PAGE_BYTES, _SLOT_BYTES):
                wanted[at : at + _SLOT_BYTES] = bytes((at + page * 7 + byte * 37) & 0xFF for byte in range(_SLOT_BYTES))
                _program(flash, sector, page, at, wanted[at : at + _SLOT_BYTES], wanted)
            _refuse_unless_blank(flash, sector, page + 1)
            yield
        yield from _erased(flash, sector)


def _program(flash: "Flash", sector: int, page: int, at: int, data: bytearray, wanted: bytearray) -> None:
    address = sector * _SECTOR_BYTES + page * _PAGE_BYTES
    flash.program(address + at, data)
    found = bytearray(_PAGE_BYTES)
    flash.read(address, found)
    if found != wanted:
        raise FlashUnfit(f"the flash does not keep bits of page {page} of sector {sector} when others are cleared")


def _erased(flash: "Flash", sector: int) -> "Iterator[None]":
    flash.erase(sector)
    yield
    _refuse_unless_blank(flash, sector, 0)


def _refuse_unless_blank(flash: "Flash", sector: int, from_page: int) -> None:
    """Raise FlashUnfit if a page that was not programmed yet has changed."""
    found = bytearray(_PAGE_BYTES)
    for page in range(from_page, _PAGES):
        flash.read(sector * _SECTOR_BYTES + page * _PAGE_BYTES, found)
        if found != _BLANK:
            raise FlashUnfit(f"the flash does not keep page {page} of sector {sector} erased")
