"""The commands that make a DESFire card, against the card model."""

import pytest

from boards.host.cards.desfire import AUTHENTICATION, DUPLICATE, PERMISSION
from boards.host.cards.desfire_ev2 import DesfireEv2Card
from boards.host.chips.aes import aes
from tests.cards.desfire_bench import UID, Numbers, Wire, bench, run
from wattpurse.cards.desfire import ENCIPHERED, MACED, StatusError
from wattpurse.cards.desfire_ev2 import DesfireEv2, Session
from wattpurse_tools.vault import desfire_issue as issue

APPLICATION = 0x545057
KEYS = [bytes([n + 1]) * 16 for n in range(4)]
VALUE, BACKUP, STANDARD = 1, 2, 3


def ev2_bench():
    """Return `bench` for a card of EV2."""
    card = DesfireEv2Card(UID, Numbers(1))
    wire = Wire(card)
    return card, wire, DesfireEv2(wire, aes, Numbers(1001))


@pytest.fixture(params=(bench, ev2_bench))
def made(request):
    """Return the model and the commands of a card with an application, authenticated with its master key."""
    model, _, card = request.param()
    run(issue.create_application(card, APPLICATION, 0x0B, 4))
    run(card.select_application(APPLICATION))
    run(card.authenticate(0, bytes(16)))
    run(issue.create_value_file(card, VALUE, ENCIPHERED, issue.rights_of(1, issue.NEVER, 2, 0), (-1000, 10**6), 5000))
    run(issue.create_backup_file(card, BACKUP, MACED, issue.rights_of(2, 2, 1, 0), 160))
    run(issue.create_standard_file(card, STANDARD, MACED, issue.rights_of(issue.FREE, 2, 1, 0), 160))
    for number in (1, 2, 3):
        run(issue.change_key(card, number, 7, KEYS[number], bytes(16)))
    run(issue.change_key(card, 0, 7, KEYS[0]))
    return model, card


def enter(card, key_number, key=None):
    run(card.select_application(APPLICATION))
    run(card.authenticate(key_number, key or KEYS[key_number]))


def status(coroutine):
    with pytest.raises(StatusError) as refused:
        run(coroutine)
    return refused.value.status


def test_files_have_their_settings(made):
    _, card = made
    enter(card, 0)
    limits = (-1000).to_bytes(4, "little", signed=True) + (10**6).to_bytes(4, "little")
    assert run(card.get_file_settings(VALUE)) == bytes((2, 3, 0x20, 0x1F)) + limits + bytes(5)
    assert run(card.get_file_settings(BACKUP)) == bytes((1, 1, 0x10, 0x22, 160, 0, 0))
    assert run(card.get_file_settings(STANDARD)) == bytes((0, 1, 0x10, 0xE2, 160, 0, 0))


def test_every_key_is_in_force(made):
    _, card = made
    for number in range(4):
        enter(card, number)
        assert run(card.get_key_version(number)) == 7


def test_the_master_key_alone_changes_keys(made):
    _, card = made
    enter(card, 1)
    assert status(issue.change_key(card, 1, 8, bytes(16))) == AUTHENTICATION
    enter(card, 0)
    run(issue.change_key(card, 1, 8, KEYS[3], KEYS[1]))
    enter(card, 1, KEYS[3])
    assert run(card.get_key_version(1)) == 8


def test_settings_can_be_frozen(made):
    _, card = made
    enter(card, 0)
    run(issue.change_key_settings(card, 0x08))
    assert status(issue.change_key(card, 0, 8, bytes(16))) == PERMISSION


def test_nothing_is_made_twice(made):
    _, card = made
    enter(card, 0)
    assert status(issue.create_backup_file(card, BACKUP, MACED, 0, 8)) == DUPLICATE
    run(card.select_application(0))
    assert status(issue.create_application(card, APPLICATION, 0x0B, 4)) == DUPLICATE


def test_a_stranger_makes_no_files(made):
    _, card = made
    enter(card, 1)
    assert status(issue.create_backup_file(card, 9, MACED, 0, 8)) == AUTHENTICATION


class Told:
    """A card with a session of EV2 that keeps the command, and answers with `answer`."""

    def __init__(self, count, answer):
        self.card = DesfireEv2(self, aes, Numbers(1))
        keys = bytes.fromhex("4cf3cb41a22583a61e89b158d252fc53"), bytes.fromhex("5529860b2fc5fb6154b7f28361d30bf9")
        self.card.session = Session(aes, *keys, bytes.fromhex("7614281a"), count)
        self.sent = b""
        self._answer = answer

    async def transceive(self, command, meanwhile=None):
        self.sent += command
        return self._answer


def test_another_key_is_changed_as_published():
    """Repeat ChangeKey of key 2 in a session with key 0 (AN12196, section 5.16.1, table 25)."""
    told = Told(2, b"\x00" + bytes.fromhex("203bb55d1089d587"))
    new = bytes.fromhex("f3847d627727ed3bc9c4cc050489b966")
    run(issue.change_key(told.card, 2, 1, new, bytes(16)))
    cipher = "2cf362b7bf4311ff3be1daa295e8c68de09050560d19b9e16c2393ae9cd1fac7"
    assert told.sent == bytes.fromhex("c402" + cipher + "5d0ce20bcd1d06e6")
    assert told.card.session.count == 3


def test_the_own_key_is_changed_as_published():
    """Repeat ChangeKey of key 0 in a session with key 0 (AN12196, section 5.16.2, table 26)."""
    told = Told(3, b"\x00")
    run(issue.change_key(told.card, 0, 1, bytes.fromhex("5004bf991f408672b1ef00f08f9e8647")))
    cipher = "c0eb4deefeddf0b513a03a95a75491818580503190d4d05053ff75668a01d6fd"
    assert told.sent == bytes.fromhex("c400" + cipher + "a6610234bded6432")
    assert told.card.session is None
