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
