"""A vault in a folder of the test: keys that the test knows, some people, and a clock that the test sets."""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from boards.host.chips.aes import aes
from wattpurse.core.messages import token
from wattpurse.core.seals.sealing import KeyPair
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import RIGHTS, Limits, Operator, TokenOrder
from wattpurse_tools.vault.key_sets import read_key_file

PASSPHRASE = "four plain words here"
METER = 1001
NOW_S = 1_800_000_000
VENDING_KEYS = {1: bytes(range(16)), 2: bytes(range(50, 66))}
SITE_KEYS = {1: bytes(range(100, 116)), 2: bytes(range(150, 166))}

OWNER, SECOND, CLERK, HELPER = 1, 2, 3, 4
PINS = {OWNER: "482915", SECOND: "730264", CLERK: "905173", HELPER: "618402"}
CLERK_LIMITS = Limits(
    token_microunits=50_000_000, token_mwh=200_000_000, token_days=31, day_microunits=100_000_000, day_mwh=300_000_000
)
OPERATORS = {
    OWNER: Operator(OWNER, "owner", RIGHTS),
    SECOND: Operator(SECOND, "second", RIGHTS),
    CLERK: Operator(CLERK, "clerk", ("sell",), CLERK_LIMITS),
    HELPER: Operator(HELPER, "helper", ("order", "cards")),
}


class Clock:
    """A clock that stands until the test moves it."""

    def __init__(self):
        self.now_s = NOW_S

    def __call__(self):
        return self.now_s


def key_file_document(versions=(1, 2)):
    """Return the key file of the office with the keys of this test."""
    sets = [
        {"key_version": one, "vending_key": VENDING_KEYS[one].hex(), "site_key": SITE_KEYS[one].hex()}
        for one in versions
    ]
    return {"format": 2, "keys": sets}


def make(folder, persons=1, users=None, document=None, counts=None, operators=OPERATORS):
    """Make a vault whose passphrase takes no time."""
    people = setup.People([(one, PINS[one.number]) for one in operators.values()], users or {}, persons)
    source = setup.Source(read_key_file(document or key_file_document()), counts or {})
    setup.create_for_tests(folder, PASSPHRASE, people, source)


def open_vault(folder, clock=None):
    """Open the vault of a test."""
    return Vault.open(folder, PASSPHRASE, clock or Clock())


def ticket_of(vault, operator=OWNER):
    """Sign an operator on and return the ticket."""
    return vault.sign_on(operator, PINS[operator]).ticket


def order(kind, *fields, tenant=0):
    """Return the order of a token."""
    return TokenOrder(*token.make(kind, *fields), tenant=tenant)


def money(microunits):
    """Return the order of a credit of money."""
    return order(token.CREDIT_MONEY, microunits)


def cmac_key(key, words):
    """Return the key that AN10922 derives from `key` for `words`, by another implementation of CMAC.

    The function pads to two blocks, so short words need the second subkey by hand.
    """
    data = b"\x01" + words
    if len(data) > 16:
        mac = CMAC(algorithms.AES(key))
        mac.update(data)
        return mac.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 the building block of CMAC
    subkey = int.from_bytes(encryptor.update(bytes(16)), "big")
    for _ in range(2):
        subkey = (subkey << 1) ^ (0x87 | 1 << 128 if subkey >> 127 else 0)
    blocks = data + b"\x80" + bytes(31 - len(data))
    chained = int.from_bytes(encryptor.update(blocks[:16]), "big")
    return encryptor.update((chained ^ int.from_bytes(blocks[16:], "big") ^ subkey).to_bytes(16, "big"))


def meter_key(number=METER, version=1):
    """Return the key of a meter, derived independently."""
    return cmac_key(VENDING_KEYS[version], b"meter" + struct.pack("<I", number))


def token_pair(key):
    """Return the keys of tokens of a meter or of an issuer."""
    return KeyPair(cmac_key(key, b"token encryption"), cmac_key(key, b"token authentication"))


def statement_pair(identity, number=METER, version=1):
    """Return the keys of the statements of a meter on a card."""
    key = cmac_key(meter_key(number, version), b"statements")
    return KeyPair(cmac_key(key, b"statement encryption" + identity), cmac_key(key, b"statement authent." + identity))


def opened(sealed, number=METER, version=1):
    """Return the token that a meter would open."""
    return token.open_token(aes, token_pair(meter_key(number, version)), sealed)


def approved(vault, refusal, proposer, approver, reason="the receipt was torn"):
    """Propose the refused action, let another operator approve it, and return the number of the request."""
    number = vault.propose(proposer, refusal.action, refusal.document, reason)
    vault.approve(approver, number)
    return number
