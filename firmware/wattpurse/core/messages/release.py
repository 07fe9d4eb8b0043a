"""The release: the station permits a meter without a ledger to take another number and other keys.

    the first 8 bytes of the AES-CMAC over new number u32 (little-endian), new meter key, new site key

The key is `keys.release_key` of the key that the meter has. A release fits one meter, one new number and one set of
keys. It fits once, because the meter then has another key.
"""

import struct

from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import cmac, equal
from wattpurse.core.seals.sealing import TAG_SIZE

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes


def make_release(aes: "Aes", key_of_meter: bytes, number: int, meter_key: bytes, site_key: bytes) -> bytes:
    """Return the release of the meter with the key `key_of_meter`, for a new number and new keys."""
    content = struct.pack("<I", number) + meter_key + site_key
    return cmac(aes, keys.release_key(aes, key_of_meter), content)[:TAG_SIZE]


def is_release(aes: "Aes", key_of_meter: bytes, release: bytes, number: int, meter_key: bytes, site_key: bytes) -> bool:
    """Return True if `release` permits the new number and the new keys."""
    return equal(make_release(aes, key_of_meter, number, meter_key, site_key), release)
