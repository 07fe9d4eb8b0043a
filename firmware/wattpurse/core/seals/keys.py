"""The derivation of keys, all by NXP AN10922.

    vending key (office only) -> meter key (one meter and the office) -> token keys of the office, keys of its short
            tokens, event key, service pass key of one card, release key
        issuer key (one meter and one vending point) -> token keys of that vending point, keys of its short tokens
        statement key (one meter and all that read its statements) -> statement keys of one card
    vending key -> operator pass key of one card; a meter has no vending key and cannot make such a pass
    vending key -> credit key and master key of one DESFire card, with which no meter can work either
    vending key -> dispenser key (one dispensing unit and the office) -> keys of the records on one system card
    site key (station and all meters of a site) -> card access keys and key card keys of one card, the debit key of one
            DESFire card, and the identify key of all DESFire cards

A meter that is broken open reveals its own meter key, and with the site key the access keys of the site's cards. These
keys make no credit and no service pass for another meter. Key cards on memory cards are the exception: any meter writes
their balance. From a DESFire card a meter can only deduct.
A vending point has the issuer keys and statement keys of its meters. Its tokens name it as their issuer, and the office
can revoke it.
"""

import struct

from wattpurse.core.seals.cmac import Derivation, diversify
from wattpurse.core.seals.sealing import KeyPair

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

CLASSIC_KEY_SIZE = 6

_METER = b"meter"
_TOKEN_ENCRYPTION = b"token encryption"
_TOKEN_AUTHENTICATION = b"token authentication"
_SHORT_TOKEN_MASK = b"short token mask"
_SHORT_TOKEN_TAG = b"short token tag"
_ISSUER = b"issuer"
_STATEMENT = b"statements"
_STATEMENT_ENCRYPTION = b"statement encryption"
_STATEMENT_AUTHENTICATION = b"statement authent."
_EVENTS = b"events"
_CLASSIC_KEY_A = b"classic key a"
_CLASSIC_KEY_B = b"classic key b"
_RELEASE = b"release"
_SERVICE_PASS = b"service pass"
_OPERATOR_PASS = b"operator pass"
_KEY_CARD_ENCRYPTION = b"key card encrypt."
_KEY_CARD_AUTHENTICATION = b"key card authent."


def meter_key(aes: "Aes", vending_key: bytes, meter_number: int) -> bytes:
    """Return the key that the vending station shares with one meter."""
    return diversify(aes, vending_key, _METER + struct.pack("<I", meter_number))


def issuer_key(aes: "Aes", key_of_meter: bytes, issuer: int) -> bytes:
    """Return the key that one issuer shares with one meter. The office seals under the meter key itself."""
    return diversify(aes, key_of_meter, _ISSUER + bytes((issuer,))) if issuer else key_of_meter


def token_keys(aes: "Aes", key_of_issuer: bytes) -> KeyPair:
    """Return the keys that seal the tokens of one issuer for one meter."""
    issuer = Derivation(aes, key_of_issuer)
    return KeyPair(issuer.key(_TOKEN_ENCRYPTION), issuer.key(_TOKEN_AUTHENTICATION))


def short_token_keys(aes: "Aes", key_of_issuer: bytes) -> KeyPair:
    """Return the keys of the tokens of twenty digits of one issuer for one meter."""
    issuer = Derivation(aes, key_of_issuer)
    return KeyPair(issuer.key(_SHORT_TOKEN_MASK), issuer.key(_SHORT_TOKEN_TAG))


def statement_key(aes: "Aes", key_of_meter: bytes) -> bytes:
    """Return the key from which the statement keys of one meter are derived."""
    return diversify(aes, key_of_meter, _STATEMENT)


def statement_keys(aes: "Aes", key_of_statements: bytes, card_uid: bytes) -> KeyPair:
    """Return the keys that seal the statements of one meter on one card. The first key is the `statement_key`."""
    statements = Derivation(aes, key_of_statements)
    return KeyPair(
        statements.key(_STATEMENT_ENCRYPTION + card_uid), statements.key(_STATEMENT_AUTHENTICATION + card_uid)
    )


def event_key(aes: "Aes", key_of_meter: bytes) -> bytes:
    """Return the key that chains the event log of one meter."""
    return diversify(aes, key_of_meter, _EVENTS)


def release_key(aes: "Aes", key_of_meter: bytes) -> bytes:
    """Return the key that authenticates the release of one meter."""
    return diversify(aes, key_of_meter, _RELEASE)


def classic_keys(aes: "Aes", site_key: bytes, card_uid: bytes) -> tuple:
    """Return the sector keys of one MIFARE Classic card, 6 bytes each.

    Key A reads all and writes statements; key B writes all.
    """
    site = Derivation(aes, site_key)
    return classic_key_a(site, card_uid), site.key(_CLASSIC_KEY_B + card_uid)[:CLASSIC_KEY_SIZE]


def classic_key_a(site: Derivation, card_uid: bytes) -> bytes:
    """Return key A alone. A meter needs no other key, and every tap waits for it."""
    return site.key(_CLASSIC_KEY_A + card_uid)[:CLASSIC_KEY_SIZE]


def service_pass_key(aes: "Aes", key_of_meter: bytes, card_uid: bytes) -> bytes:
    """Return the key that authenticates the service pass of one meter on one card."""
    return diversify(aes, key_of_meter, _SERVICE_PASS + card_uid)


def operator_pass_key(aes: "Aes", vending_key: bytes, card_uid: bytes) -> bytes:
    """Return the key that authenticates the operator's pass on one card."""
    return diversify(aes, vending_key, _OPERATOR_PASS + card_uid)


def key_card_keys(aes: "Aes", site_key: bytes, card_uid: bytes) -> KeyPair:
    """Return the keys that seal the content of one key card."""
    site = Derivation(aes, site_key)
    return KeyPair(site.key(_KEY_CARD_ENCRYPTION + card_uid), site.key(_KEY_CARD_AUTHENTICATION + card_uid))
