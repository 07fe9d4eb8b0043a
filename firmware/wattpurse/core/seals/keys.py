"""Which key is derived from which, all by NXP AN10922.

    vending key (station only) -> meter key (one meter and the station) -> token keys, statement keys of one card,
        event key
    vending key -> operator pass key of one card: a meter, which does not have it, can make no such pass
    site key (station and all meters of a site) -> card access keys, service pass key and key card keys of one card

A meter that is broken open gives away its own meter key, and with the site key the transport keys of the site's cards,
but nothing that makes credit for another meter. Key cards are the exception: their balance is any meter's to write.
"""

import struct

from wattpurse.core.seals.cmac import Derivation, diversify
from wattpurse.core.seals.sealing import KeyPair

CLASSIC_KEY_SIZE = 6

_METER = b"meter"
_TOKEN_ENCRYPTION = b"token encryption"
_TOKEN_AUTHENTICATION = b"token authentication"
_STATEMENT_ENCRYPTION = b"statement encryption"
_STATEMENT_AUTHENTICATION = b"statement authent."
_EVENTS = b"events"
_CLASSIC_KEY_A = b"classic key a"
_CLASSIC_KEY_B = b"classic key b"
_SERVICE_PASS = b"service pass"
_OPERATOR_PASS = b"operator pass"
_KEY_CARD_ENCRYPTION = b"key card encrypt."
_KEY_CARD_AUTHENTICATION = b"key card authent."


def meter_key(aes, vending_key: bytes, meter_number: int) -> bytes:
    """The key that the vending station shares with one meter."""
    return diversify(aes, vending_key, _METER + struct.pack("<I", meter_number))


def token_keys(aes, key_of_meter: bytes) -> KeyPair:
    """The keys that seal the tokens of one meter."""
    meter = Derivation(aes, key_of_meter)
    return KeyPair(meter.key(_TOKEN_ENCRYPTION), meter.key(_TOKEN_AUTHENTICATION))


def statement_keys(aes, key_of_meter: bytes, card_uid: bytes) -> KeyPair:
    """The keys that seal the statements of one meter on one card."""
    meter = Derivation(aes, key_of_meter)
    return KeyPair(meter.key(_STATEMENT_ENCRYPTION + card_uid), meter.key(_STATEMENT_AUTHENTICATION + card_uid))


def event_key(aes, key_of_meter: bytes) -> bytes:
    """The key that chains the event log of one meter."""
    return diversify(aes, key_of_meter, _EVENTS)


def classic_keys(aes, site_key: bytes, card_uid: bytes) -> tuple:
    """The sector keys A (reads all, writes statements) and B (writes all) of one MIFARE Classic card, 6 bytes each."""
    site = Derivation(aes, site_key)
    return classic_key_a(site, card_uid), site.key(_CLASSIC_KEY_B + card_uid)[:CLASSIC_KEY_SIZE]


def classic_key_a(site: Derivation, card_uid: bytes) -> bytes:
    """Key A alone, from the derivation of the site key: all that a meter needs, and it is waited for in every tap."""
    return site.key(_CLASSIC_KEY_A + card_uid)[:CLASSIC_KEY_SIZE]


def service_pass_key(aes, site_key: bytes, card_uid: bytes) -> bytes:
    """The key that authenticates the service pass on one card."""
    return diversify(aes, site_key, _SERVICE_PASS + card_uid)


def operator_pass_key(aes, vending_key: bytes, card_uid: bytes) -> bytes:
    """The key that authenticates the operator's pass on one card."""
    return diversify(aes, vending_key, _OPERATOR_PASS + card_uid)


def key_card_keys(aes, site_key: bytes, card_uid: bytes) -> KeyPair:
    """The keys that seal what one key card says."""
    site = Derivation(aes, site_key)
    return KeyPair(site.key(_KEY_CARD_ENCRYPTION + card_uid), site.key(_KEY_CARD_AUTHENTICATION + card_uid))
