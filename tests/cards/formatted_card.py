"""A MIFARE Classic card as the station's format leaves it: for tests that run without the station's tools.

`tests/tools/station/test_classic_cards.py` shows that the format writes these bytes.
"""

from boards.host.cards.classic import ClassicCard
from boards.host.chips.aes import aes
from wattpurse.core.seals import keys

SECTORS = range(1, 16)
FIRST_SECTOR_OF_STATEMENTS = 7
ORDERS_ACCESS = b"\x78\x77\x88\x69"  # both keys read, key B writes
STATEMENTS_ACCESS = b"\x7f\x07\x88\x69"  # both keys read and write, key B writes the trailer


def trailer(sector: int, key_a: bytes, key_b: bytes) -> bytes:
    """Return the trailer of a sector."""
    access = ORDERS_ACCESS if sector < FIRST_SECTOR_OF_STATEMENTS else STATEMENTS_ACCESS
    return key_a + access + key_b


def format_card(card: ClassicCard, site_key: bytes) -> None:
    """Give every sector of a new card its keys and access conditions."""
    key_a, key_b = keys.classic_keys(aes, site_key, card.uid)
    for sector in SECTORS:
        card.memory[sector * 64 + 48 : sector * 64 + 64] = trailer(sector, key_a, key_b)
