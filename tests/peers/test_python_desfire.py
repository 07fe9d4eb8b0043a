"""The card model against the library `python-desfire`, whose cryptography is another one: PyCryptodome's.

The library knows no value and no backup files, and writes MACs that no card takes. So it is held against
authentication, keys, standard files in plain and enciphered mode, and answers with a MAC.
"""

import pytest
from desfire import DESFire, DESFireKey, diversify_key
from desfire.enums import DESFireCommunicationMode, DESFireKeyType
from desfire.exceptions import DESFireCommunicationError
from desfire.schemas import KeySettings

from boards.host.cards.desfire import Application, DesfireCard
from boards.host.cards.desfire_files import STANDARD, DataFile
from boards.host.chips.aes import aes
from tests.cards.desfire_bench import UID, Numbers, Wire, key_card, run
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import Desfire
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals.cmac import diversify

APPLICATION = 0x545057
IDENTIFIER = [0x57, 0x50, 0x54]  # as it goes to the card
ENCIPHERED, PLAIN = 3, 0
FILES = {ENCIPHERED: 1, PLAIN: 2}


class Device:
    """The card model as a device of the library."""

    def __init__(self, card):
        self._card = card

    def transceive(self, command):
        return list(self._card.answer(bytes(command)))


def key_of(data):
    key = DESFireKey(KeySettings(key_type=DESFireKeyType.DF_KEY_AES), list(data))
    return key


@pytest.fixture
def card():
    card = DesfireCard(UID, Numbers(4))
    application = Application(0x0F, 3)
    application.keys = [bytes(16), b"key one of three", b"key two of three"]
    for mode, number in FILES.items():
        application.files[number] = DataFile(STANDARD, mode, 0x1110, 40)
    card.applications[APPLICATION] = application
    return card


@pytest.fixture
def peer(card):
    found = DESFire(Device(card))
    found.select_application(IDENTIFIER)
    return found


def test_the_peer_authenticates_and_believes_every_answer(card, peer):
    for number, key in enumerate(card.applications[APPLICATION].keys):
        peer.authenticate(number, key_of(key))
        for _ in range(3):
            assert peer.get_key_version(number) == [0] or peer.get_key_version(number) == 0
        assert bytes(peer.get_card_version().uid) == UID


def test_the_peer_is_refused_with_another_key(peer):
    with pytest.raises(DESFireCommunicationError):
        peer.authenticate(1, key_of(bytes(16)))


@pytest.mark.parametrize("mode", FILES)
def test_both_read_what_the_other_wrote(card, peer, mode):
    number = FILES[mode]
    key = card.applications[APPLICATION].keys[1]
    peer.authenticate(1, key_of(key))
    data = list(range(1, 41))
    modes = {ENCIPHERED: DESFireCommunicationMode.ENCRYPTED, PLAIN: DESFireCommunicationMode.PLAIN}
    peer.write_file_data(number, 0, modes[mode], data[:32])
    own = Desfire(Wire(card), aes, Numbers(5))
    run(own.select_application(APPLICATION))
    run(own.authenticate(1, key))
    assert run(own.read_data(number, 0, 32, mode)) == bytes(data[:32])
    run(own.write_data(number, 0, bytes(reversed(data)), mode))
    if mode == ENCIPHERED:
        peer.select_application(IDENTIFIER)
        peer.authenticate(0, key_of(bytes(16)))
        settings = peer.get_file_settings(number)
        peer.select_application(IDENTIFIER)
        peer.authenticate(1, key_of(key))
        assert bytes(peer.read_file_data(number, settings)) == bytes(reversed(data))


def test_a_key_that_the_peer_changed_is_the_key(card, peer):
    peer.authenticate(0, key_of(bytes(16)))
    peer.change_key(2, key_of(b"key two of three"), key_of(b"another key two!"), 9)
    peer.change_key(0, key_of(bytes(16)), key_of(b"another key zero"), 7)
    application = card.applications[APPLICATION]
    assert (application.keys[2], application.keys[0]) == (b"another key two!", b"another key zero")
    assert (application.versions[2], application.versions[0]) == (9, 7)


def test_the_peer_derives_the_keys_of_a_key_card():
    """Derive the debit key of a card and authenticate with it on the card that our own code has made."""
    site_key = b"site key 0000001"
    card = key_card(CardContent(1, 0, 0, 0, (0, 0, 0, 0), 1), site_key, b"vending key 0001")
    derived = diversify_key(list(site_key), [1, *b"desfire debit", *UID])
    assert bytes(derived) == diversify(aes, site_key, b"desfire debit" + UID)
    peer = DESFire(Device(card))
    peer.select_application(IDENTIFIER)
    peer.authenticate(layout.DEBIT_KEY, key_of(derived))
    assert peer.get_key_version(layout.DEBIT_KEY)
