"""DESFire key cards on a PC/SC reader: the vault's dialogs in wrapped commands, torn at every one of them."""

import os

import pytest

from boards.host.cards.desfire import DesfireCard
from boards.host.cards.desfire_ev2 import DesfireEv2Card
from tests.cards.desfire_bench import content_of
from tests.tools import station_office
from wattpurse.core.money.key_card import BY_TARIFF
from wattpurse_tools.readers import troubles
from wattpurse_tools.readers.driver import PcscDriver
from wattpurse_tools.readers.troubles import ReaderTrouble
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.reader_cards import ReaderCards
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import Station

UID = bytes.fromhex("04a1b2c3d4e5f6")
MILLION = 1_000_000


class Connection:
    """A connection to the model of a card. The card is lifted at APDU `torn_at`, before or after it has taken it."""

    reader = "ACS ACR122U PICC Interface"
    atr = bytes.fromhex("3b8180018080")

    def __init__(self, card):
        self._card = card
        self.apdus = 0
        self.torn_at = None
        self.is_after = False

    def transmit(self, apdu):
        if apdu[:2] == b"\xff\xca":
            return (b"\x08" + os.urandom(3) if self._card.has_random_uid else self._card.uid) + b"\x90\x00"
        self.apdus += 1
        if self.apdus == self.torn_at and not self.is_after:
            self._leave()
        answer = self._card.answer(apdu)
        if self.apdus == self.torn_at:
            self._leave()
        return answer

    def reset(self):
        self._card.power_off()

    def close(self):
        self._card.power_off()

    def _leave(self):
        self._card.power_off()
        raise ReaderTrouble("the card has left", min(troubles.CARD_GONE))


@pytest.fixture(params=(DesfireCard, DesfireEv2Card))
def card(request):
    return request.param(UID, os.urandom)


@pytest.fixture
def connection(card):
    return Connection(card)


@pytest.fixture
def shop(tmp_path, monkeypatch, connection):
    monkeypatch.chdir(tmp_path)
    with station_office.opened(tmp_path) as office:
        driver = PcscDriver(lambda: connection)
        yield Shop(Station(office.vault, office.person), ReaderCards(driver, lambda uid: None))


def make(shop):
    shop.key_cards.new_card("safe", "desfire", KeyCardTerms(BY_TARIFF), 5)


def look(shop):
    return shop.key_cards.look(shop.cards.read("safe"))


def test_a_card_is_made_loaded_read_and_erased(shop, card):
    make(shop)
    shop.station.key_cards.load(UID, 7 * MILLION, 1, None)
    assert shop.key_cards.repair(look(shop)) == 7 * MILLION
    assert look(shop).content.balance == content_of(card).balance == 7 * MILLION
    assert shop.key_cards.erase(look(shop), forfeit=True) == 7 * MILLION
    assert shop.cards.read("safe").box is None


def test_a_load_that_was_torn_at_any_command_is_finished_by_the_next(shop, card, connection):
    make(shop)
    loaded, command, is_torn = 0, 0, True
    while is_torn:
        command += 1
        for is_after in (False, True) if command > 8 else (command % 2 == 0,):
            loaded += MILLION
            shop.station.key_cards.load(UID, MILLION, 1, None)
            found = look(shop)
            connection.torn_at, connection.is_after = connection.apdus + command, is_after
            try:
                shop.key_cards.repair(found)
                is_torn = False
            except OSError as error:
                assert "left the reader" in str(error)
            connection.torn_at = None
            shop.key_cards.repair(look(shop))
            assert content_of(card).balance == loaded
    assert command > 8


def test_a_bank_card_is_refused_in_words(shop, card, monkeypatch):
    monkeypatch.setattr(card, "answer", lambda apdu: b"\x6d\x00")
    with pytest.raises(OSError, match="no key card of this site"):
        look(shop)


def test_a_card_with_a_random_uid_is_loaded_under_its_real_one(shop, card):
    make(shop)
    card.has_random_uid = True
    shop.station.key_cards.load(UID, 7 * MILLION, 1, None)
    shop.key_cards.repair(look(shop))
    assert (look(shop).content.balance, look(shop).read.card.uid) == (7 * MILLION, UID)
    assert shop.files.name() == UID.hex()


def test_a_card_with_a_random_uid_of_another_site_is_refused_with_the_remedy(shop, card):
    card.has_random_uid = True
    with pytest.raises(OSError, match="make it a key card before the random number is switched on"):
        shop.cards.read("safe")
