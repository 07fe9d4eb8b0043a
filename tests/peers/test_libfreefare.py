"""The card model and our commands against Debian's libfreefare, which reaches the model through libnfc and a PN532.

libfreefare makes cards that our code reads, and reads cards that the vault's code makes. Its crypto is OpenSSL's.
"""

import ctypes
import subprocess

import pytest

from boards.host.cards.desfire import DesfireCard
from boards.host.chips.aes import aes
from tests.cards.desfire_bench import Numbers, Wire, content_of, key_card, run
from tests.house.places import ROOT
from tests.peers.pn532_line import Pn532Line
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import Desfire
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals import desfire_keys

UID = b"\x04\x78\x2e\x21\x80\x1d\x80"
SITE_KEY, VENDING_KEY = b"site key 0000001", b"vending key 0001"
MONEY = 7_000_000
PLAIN, MACED, ENCIPHERED = 0, 1, 3
VALUE, ORDERS, STATEMENT = layout.VALUE_FILE, layout.ORDERS_FILE, layout.STATEMENT_FILE

_pointer = ctypes.c_void_p


def content(loaded=MONEY):
    return CardContent(1, loaded, 0, 300_000, (0, 0, 0, 0), 5)


@pytest.fixture(scope="module")
def libraries():
    """Return libnfc and libfreefare of Debian."""
    subprocess.run([ROOT / "tools/toolchain/debian-packages", "libfreefare0", "libnfc6"], check=True)
    nfc, freefare = ctypes.CDLL("libnfc.so.6"), ctypes.CDLL("libfreefare.so.0")
    nfc.nfc_open.restype = freefare.freefare_get_tags.restype = _pointer
    for name in ("mifare_desfire_aes_key_new_with_version", "mifare_desfire_aid_new"):
        getattr(freefare, name).restype = _pointer
    return nfc, freefare


class Peer:
    """libfreefare with a card. A call that fails raises AssertionError with the status of the card."""

    def __init__(self, libraries, card):
        self._nfc, self._freefare = libraries
        self._line = Pn532Line(card.uid, card.answer)
        self._context = _pointer()
        self._nfc.nfc_init(ctypes.byref(self._context))
        self._device = _pointer(self._nfc.nfc_open(self._context, f"pn532_uart:{self._line.path}:115200".encode()))
        assert self._device.value, "libnfc finds no PN532"
        tags = ctypes.cast(self._freefare.freefare_get_tags(self._device), ctypes.POINTER(_pointer))
        self._tag = _pointer(tags[0])
        self.call("connect")

    def close(self):
        self._nfc.nfc_close(self._device)
        self._nfc.nfc_exit(self._context)
        self._line.close()

    def call(self, name, *arguments):
        result = getattr(self._freefare, "mifare_desfire_" + name)(self._tag, *arguments)
        status = self._freefare.mifare_desfire_last_picc_error(self._tag)
        assert result >= 0, f"{name}: the card answered {status:#04x}"
        return result

    def key(self, data, version=1):
        return _pointer(self._freefare.mifare_desfire_aes_key_new_with_version(data, version))

    def select(self, identifier):
        self.call("select_application", _pointer(self._freefare.mifare_desfire_aid_new(identifier)))

    def make_application(self, identifier, settings, count):
        aid = _pointer(self._freefare.mifare_desfire_aid_new(identifier))
        self.call("create_application_aes", aid, settings, count)

    def enter(self, number, key):
        self.select(layout.APPLICATION)
        self.call("authenticate_aes", number, self.key(key))

    def value(self):
        found = ctypes.c_int32()
        self.call("get_value_ex", VALUE, ctypes.byref(found), ENCIPHERED)
        return found.value

    def read(self, file, length):
        buffer = ctypes.create_string_buffer(length + 32)
        assert self.call("read_data_ex", file, ctypes.c_long(0), ctypes.c_size_t(length), buffer, MACED) == length
        return buffer.raw[:length]

    def write(self, file, data, mode=MACED):
        self.call("write_data_ex", file, ctypes.c_long(0), ctypes.c_size_t(len(data)), data, mode)


@pytest.fixture
def with_peer(libraries):
    """Return a function from a card to the peer that has it."""
    peers = []

    def made(card):
        peers.append(Peer(libraries, card))
        return peers[-1]

    yield made
    for peer in peers:
        peer.close()


def key_set():
    return (
        desfire_keys.master_key(aes, VENDING_KEY, UID),
        desfire_keys.debit_key(aes, SITE_KEY, UID),
        desfire_keys.credit_key(aes, VENDING_KEY, UID),
        desfire_keys.identify_key(aes, SITE_KEY),
    )


def make_with(peer):
    """Make a key card with libfreefare alone, and load it."""
    peer.make_application(layout.APPLICATION, 0x09, 4)
    peer.enter(0, bytes(16))
    limits = layout.LOWEST_VALUE, layout.HIGHEST_VALUE
    peer.call("create_value_file", VALUE, ENCIPHERED, 0x1F20, *limits, 0, 0)
    peer.call("create_backup_data_file", ORDERS, MACED, 0x1F20, layout.ORDERS_SIZE)
    peer.call("create_backup_data_file", STATEMENT, MACED, 0x2210, layout.STATEMENT_SIZE)
    for number in (1, 2, 3, 0):
        peer.call("change_key", number, peer.key(key_set()[number]), peer.key(bytes(16)))
    peer.enter(2, key_set()[2])
    peer.call("credit_ex", VALUE, MONEY // 100, ENCIPHERED)
    peer.write(ORDERS, layout.pack_orders(content()))
    peer.write(STATEMENT, layout.first_statement(content(), True))
    peer.call("commit_transaction")


def test_our_meter_reads_and_debits_a_card_that_libfreefare_made(with_peer):
    card = DesfireCard(UID, Numbers(6))
    peer = with_peer(card)
    make_with(peer)
    assert (content_of(card).balance, content_of(card).price) == (MONEY, 300_000)
    own = layout.DesfireKeyCard(Desfire(Wire(card), aes, Numbers(7)), aes, UID)
    found = run(own.read_content((SITE_KEY,)))
    assert found.balance == MONEY
    run(own.deduct(found.at(2, 1_234_500), 77))
    peer.enter(1, key_set()[1])
    assert peer.value() == (MONEY - 1_234_500) // 100
    assert peer.read(STATEMENT, layout.STATEMENT_SIZE)[16:24] == (77).to_bytes(4, "little") + (2).to_bytes(4, "little")


def test_libfreefare_reads_and_debits_our_card(with_peer):
    card = key_card(content(), SITE_KEY, VENDING_KEY, uid=UID)
    peer = with_peer(card)
    peer.enter(1, key_set()[1])
    assert peer.value() == MONEY // 100
    assert peer.read(ORDERS, layout.ORDERS_SIZE) == layout.pack_orders(content())
    assert peer.read(STATEMENT, layout.STATEMENT_SIZE) == layout.first_statement(content(), True)
    peer.call("debit_ex", VALUE, 45, ENCIPHERED)
    assert peer.value() == MONEY // 100
    peer.call("commit_transaction")
    assert peer.value() == MONEY // 100 - 45
    version = ctypes.c_uint8()
    peer.call("get_key_version", 1, ctypes.byref(version))
    assert version.value == 1


def test_libfreefare_is_refused_where_a_meter_is(with_peer):
    peer = with_peer(key_card(content(), SITE_KEY, VENDING_KEY, uid=UID))
    for name, arguments in (
        ("credit_ex", (VALUE, 1, ENCIPHERED)),
        ("write_data_ex", (ORDERS, ctypes.c_long(0), ctypes.c_size_t(1), b"\x00", MACED)),
        ("debit_ex", (VALUE, 2_000_000, ENCIPHERED)),
    ):
        peer.enter(1, key_set()[1])
        with pytest.raises(AssertionError, match="0xae|0xbe"):
            peer.call(name, *arguments)
    peer.select(layout.APPLICATION)
    with pytest.raises(AssertionError, match="0xae"):
        peer.call("authenticate_aes", 1, peer.key(bytes(16)))


@pytest.mark.parametrize("mode", [PLAIN, MACED, ENCIPHERED])
def test_long_data_in_every_mode(with_peer, mode):
    card = DesfireCard(UID, Numbers(8))
    peer = with_peer(card)
    peer.make_application(layout.APPLICATION, 0x0F, 1)
    peer.enter(0, bytes(16))
    peer.call("create_std_data_file", 4, mode, 0x0000, 200)
    data = bytes(range(1, 181))
    peer.write(4, data, mode)
    own = Desfire(Wire(card), aes, Numbers(9))
    run(own.select_application(layout.APPLICATION))
    run(own.authenticate(0, bytes(16)))
    assert run(own.read_data(4, 0, 180, mode)) == data
