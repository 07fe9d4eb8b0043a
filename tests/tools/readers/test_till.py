"""The station's commands with cards on a PC/SC reader: a real pcscd, a virtual reader, the models of the cards."""

import json

import pytest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.readers.pcsc_card import PcscCard
from tests.tools.shop import shop, wattpurse  # noqa: F401 for the tests
from wattpurse.cards import purse
from wattpurse_tools.record.models import Token
from wattpurse_tools.station.card_reader import CardReader

NTAG_UID = bytes.fromhex("04112233445566")
CLASSIC_UID = bytes.fromhex("a1b2c3d4")
PLACE = "--cards pcsc:acr122"
KINDS = ("classic-1k", "ntag213", "ntag215", "ntag216", "ultralight")


def blank(kind):
    return ClassicCard(CLASSIC_UID) if kind == "classic-1k" else UltralightCard(kind, NTAG_UID)


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_is_made_sold_to_and_read_on_the_reader(reader, wattpurse, kind):  # noqa: F811
    reader.lay(PcscCard(blank(kind)))
    wattpurse(f"card new anna --kind {kind} --meter {METER} {PLACE}")
    wattpurse(f"card topup anna --amount 20.00 {PLACE}")
    document = json.loads(wattpurse(f"card read anna --json {PLACE}"))
    assert document["missing"] == []
    assert len(document["tokens"]) == 1
    assert tokens_on(reader.card.card) == [bytes(row.sealed) for row in Token.objects.all()]


def tokens_on(card):
    """Return the tokens on the model of a card, as a meter's reader finds them."""
    copy = from_image(card.image())
    box = CardReader(station_office.current().vault).work(copy, purse.read_orders)
    return purse.split_tokens(box.content)


@pytest.mark.parametrize(
    ("kind", "content"), (("ntag213", "0103a00c340300fe"), ("ntag215", "0300fe00"), ("ntag216", "0300fe00"))
)
def test_a_card_as_its_maker_delivers_it_is_new_and_another_content_is_in_use(reader, wattpurse, kind, content):  # noqa: F811
    card = blank(kind)
    card.memory[16 : 16 + len(content) // 2] = bytes.fromhex(content)
    reader.lay(PcscCard(card))
    wattpurse(f"card new anna --kind {kind} --meter {METER} {PLACE}")
    reader.lift()
    other = blank(kind)
    other.rename(NTAG_UID[:-1] + b"\x99")
    other.memory[16:20] = b"URL!"
    reader.lay(PcscCard(other))
    assert "in use" in wattpurse.refusal(f"card new bert --kind {kind} --meter {METER} {PLACE}")


def test_a_card_of_another_name_is_refused_and_a_lifted_card_is_asked_for(reader, wattpurse):  # noqa: F811
    reader.lay(PcscCard(blank("ntag215")))
    wattpurse(f"card new anna --kind ntag215 --meter {METER} {PLACE}")
    assert "card anna lies on the reader, not bert" in wattpurse.refusal(f"card topup bert --amount 5 {PLACE}")
    reader.lift()
    assert "no card lies on the reader" in wattpurse.refusal(f"card topup anna --amount 5 {PLACE}")
    assert Token.objects.count() == 0
