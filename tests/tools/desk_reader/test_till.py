"""The station's commands with cards on a desk reader at a serial port, with the models of its chip and of cards."""

import json

import pytest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.desk_reader.port_bench import DeskReaderOnPort
from tests.tools.shop import shop, wattpurse  # noqa: F401 for the tests
from wattpurse.cards import purse
from wattpurse_tools import cli
from wattpurse_tools.commands import reader as reader_command
from wattpurse_tools.desk.readers import reader_at
from wattpurse_tools.readers import desk_reader
from wattpurse_tools.readers.troubles import ReaderTrouble
from wattpurse_tools.record.models import Token
from wattpurse_tools.station.card_reader import CardReader

NTAG_UID = bytes.fromhex("04112233445566")
CLASSIC_UID = bytes.fromhex("a1b2c3d4")
KINDS = ("classic-1k", "ntag215")


@pytest.fixture
def desk():
    with DeskReaderOnPort() as desk:
        yield desk


@pytest.fixture
def fails(capsys):
    """Return a runner of a command that fails: it returns the output and the words of the error."""

    def run(line):
        capsys.readouterr()
        assert cli.main(line.split()) != 0
        captured = capsys.readouterr()
        return captured.out + captured.err

    return run


def blank(kind):
    return ClassicCard(CLASSIC_UID) if kind == "classic-1k" else UltralightCard(kind, NTAG_UID)


def tokens_on(card):
    """Return the tokens on the model of a card, as a meter's reader finds them."""
    copy = from_image(card.image())
    box = CardReader(station_office.current().vault).work(copy, purse.read_orders)
    return purse.split_tokens(box.content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_is_made_sold_to_and_read_on_the_desk_reader(desk, wattpurse, kind):  # noqa: F811
    card = blank(kind)
    desk.model.field.insert(card)
    place = f"--cards serial:{desk.path}"
    wattpurse(f"card new anna --kind {kind} --meter {METER} {place}")
    wattpurse(f"card topup anna --amount 20.00 {place}")
    document = json.loads(wattpurse(f"card read anna --json {place}"))
    assert document["missing"] == []
    assert tokens_on(card) == [bytes(row.sealed) for row in Token.objects.all()]
    assert len(tokens_on(card)) == 1


def test_a_card_that_is_lifted_amid_a_sale_is_owed_its_token_and_gets_it_later(desk, wattpurse, fails):  # noqa: F811
    card = blank("ntag215")
    desk.model.field.insert(card)
    place = f"--cards serial:{desk.path}"
    wattpurse(f"card new anna --kind ntag215 --meter {METER} {place}")
    wattpurse(f"card topup anna --amount 20.00 {place}")
    first = tokens_on(card)
    desk.model.faults.lift(30)
    fails(f"card topup anna --amount 30.00 {place}")
    assert tokens_on(card) == first
    desk.model.field.insert(card)
    wattpurse(f"card repair anna {place}")
    assert set(tokens_on(card)) == {bytes(row.sealed) for row in Token.objects.all()}


def test_the_agent_at_a_till_carries_frames_to_a_desk_reader(desk):
    card = blank("classic-1k")
    reader = reader_at(f"serial:{desk.path}")
    assert reader.look() is None
    desk.model.field.insert(card)
    assert reader.look() == CLASSIC_UID.hex()
    assert reader.carry({"call": "find"}) == {"uid": CLASSIC_UID.hex(), "sak": 8, "atqa": "0400"}
    key = {"call": "authenticate", "frame": (b"\x60\x04" + TRANSPORT_KEY + CLASSIC_UID).hex(), "timeout_us": 5000}
    assert reader.carry(key) == {}
    data = bytes(range(16)).hex()
    assert reader.carry({"call": "write", "frames": ["a004", data], "timeout_us": 10_000}) == {}
    assert reader.carry({"call": "exchange", "frame": "3004", "length": 16, "timeout_us": 5000}) == {"reply": data}
    assert card.memory[64:80].hex() == data
    desk.model.field.remove(card)
    assert reader.carry({"call": "exchange", "frame": "3004", "length": 16, "timeout_us": 5000})["reason"] == "silent"
    reader.close()


def test_a_desk_reader_is_listed_and_tried(desk, wattpurse, monkeypatch):  # noqa: F811
    def refuse():
        raise ReaderTrouble("no service")

    monkeypatch.setattr(desk_reader, "ports", lambda: [desk.path])
    monkeypatch.setattr(reader_command, "Service", refuse)
    desk.model.field.insert(blank("classic-1k"))
    assert wattpurse("reader list") == f"serial:{desk.path} (desk reader): classic-1k card {CLASSIC_UID.hex()}"
    tried = json.loads(wattpurse(f"reader test serial:{desk.path} --json"))
    assert tried["good"]
    steps = {one["step"]: one["result"] for one in tried["steps"]}
    assert steps["board"] == f"desk reader {b'desk0001'.hex()}, chip version 0x92"
    assert steps["kind"] == "classic-1k" and "keys of its maker" in steps["keys"]


def test_a_trial_without_a_card_and_without_a_board_tells_the_remedy(desk, fails):
    assert "lay one on it" in fails(f"reader test serial:{desk.path}")
    desk.is_deaf = True
    assert "make deploy BOARD=desk-reader" in fails(f"reader test serial:{desk.path}")
