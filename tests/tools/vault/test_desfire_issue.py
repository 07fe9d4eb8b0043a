"""The commands that make a DESFire card, against the card model."""

import pytest

from boards.host.cards.desfire import AUTHENTICATION, DUPLICATE, PERMISSION
from tests.cards.desfire_bench import bench, run
from wattpurse.cards.desfire import ENCIPHERED, MACED, StatusError
from wattpurse_tools.vault import desfire_issue as issue

APPLICATION = 0x545057
KEYS = [bytes([n + 1]) * 16 for n in range(4)]
VALUE, BACKUP, STANDARD = 1, 2, 3


@pytest.fixture
def made():
    """Return the model and the commands of a card with an application, authenticated with its master key."""
    model, _, card = bench()
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
