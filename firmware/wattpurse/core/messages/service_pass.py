"""The pass on a technician's card, for the meters of a site, or on an operator's card, for the station.

    number of the person u32, expiry in UTC seconds u32, the first 8 bytes of the AES-CMAC over both

Integers are little-endian. The key is `keys.service_pass_key` or `keys.operator_pass_key` of the card's UID, so that a
pass is valid on its own card only.
"""

import struct

from wattpurse.core.seals.cmac import cmac, equal
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

_CONTENT = "<II"
SIZE = struct.calcsize(_CONTENT) + TAG_SIZE


def make_pass(aes: "Aes", key: bytes, person: int, expires_s: int) -> bytes:
    """Return the pass of one person on one card."""
    content = struct.pack(_CONTENT, person, expires_s)
    return content + cmac(aes, key, content)[:TAG_SIZE]


def open_pass(aes: "Aes", key: bytes, data: bytes) -> tuple:
    """Return `(number of the person, expiry)` of an authentic pass. Raise sealing.SealBroken if it is not authentic."""
    content = data[:-TAG_SIZE]
    if len(data) != SIZE or not equal(cmac(aes, key, content)[:TAG_SIZE], data[-TAG_SIZE:]):
        raise SealBroken("no pass")
    return struct.unpack(_CONTENT, content)
