"""The station proves the memory of an NTAG before it sells on it."""

import pytest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.ultralight import FAST_READ, GET_VERSION, PageClone, UltralightCard
from wattpurse_tools.station.card_reader import CardReader

UID = bytes.fromhex("045566778899aa")
KINDS = ("ultralight", "ntag213", "ntag215", "ntag216")
SMALLER = (("ntag213", 16), ("ntag213", 20), ("ntag215", 16), ("ntag215", 41), ("ntag215", 45), ("ntag215", 64))
SMALLER += (("ntag216", 16), ("ntag216", 45), ("ntag216", 128), ("ntag216", 135))


class SiteKey:
    versions = (0,)

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        return b"key A.", b"key B."


@pytest.fixture
def reader() -> CardReader:
    return CardReader(SiteKey())


@pytest.mark.parametrize("kind", KINDS)
def test_a_genuine_card_is_proved_and_left_as_it_is(reader, kind):
    card = UltralightCard(kind, UID)
    reader.prove(card)
    assert card.writes == 0


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_clone_with_fewer_commands_and_all_its_memory_is_good_enough(reader, kind):
    reader.prove(PageClone(kind, UID, unknown=(GET_VERSION, FAST_READ)))


@pytest.mark.parametrize("wraps", (False, True))
@pytest.mark.parametrize(("kind", "pages"), SMALLER)
def test_a_card_with_less_memory_than_it_claims_is_refused_and_not_written(reader, kind, pages, wraps):
    for unknown in ((), (GET_VERSION,)):
        card = PageClone(kind, UID, unknown, real_pages=pages, wraps=wraps)
        with pytest.raises(ValueError, match="less memory"):
            reader.prove(card)
        assert card.writes == 0


def test_a_classic_card_needs_no_proof(reader):
    reader.format(card := ClassicCard(UID[:4]), 0)
    reader.prove(card)
