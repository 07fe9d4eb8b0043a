"""The passes on a technician's card, for some meters of a site, and on an operator's card, for the station.

    service pass: version u8 = 2, three zeros, number of the technician u32, expiry in UTC seconds u32, then an entry
        for each meter: meter number u32, tag
    operator's pass: number of the operator u32, expiry in UTC seconds u32, tag

A tag is the first 8 bytes of an AES-CMAC. Integers are little-endian. The tag of an entry covers the first 12 bytes and
the meter number, under `keys.service_pass_key` of that meter and of the card's UID. An opened meter therefore reveals
no key that makes a pass for another meter. The tag of an operator's pass covers the 8 bytes before it, under
`keys.operator_pass_key` of the card's UID. A pass is valid on its own card only.

Version 1 had one tag for all meters, under a key that every meter had. It opens nothing.
"""

import struct

from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import cmac, equal
from wattpurse.core.seals.sealing import TAG_SIZE, SealBroken

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterable

    from wattpurse.hal import Aes

_VERSION = 2
_HEAD = "<BxxxII"
_HEAD_SIZE = struct.calcsize(_HEAD)
_NUMBER = "<I"
_NUMBER_SIZE = struct.calcsize(_NUMBER)
_ENTRY_SIZE = _NUMBER_SIZE + TAG_SIZE
_OPERATOR = "<II"
_OPERATOR_SIZE = struct.calcsize(_OPERATOR) + TAG_SIZE


class MeterNotNamed(Exception):
    """The pass has no entry for this meter."""


def meters_in(size: int) -> int:
    """Return the number of meters that a service pass of at most `size` bytes can name."""
    return max(0, size - _HEAD_SIZE) // _ENTRY_SIZE


def make_service_pass(
    aes: "Aes", uid: bytes, technician: int, expires_s: int, meters: "Iterable[tuple[int, bytes]]"
) -> bytes:
    """Return the pass of a technician on the card `uid`, for `meters` of (meter number, meter key)."""
    head = struct.pack(_HEAD, _VERSION, technician, expires_s)
    entries = b""
    for number, key_of_meter in meters:
        packed = struct.pack(_NUMBER, number)
        entries += packed + _tag(aes, keys.service_pass_key(aes, key_of_meter, uid), head + packed)
    return head + entries


def read_service_pass(data: bytes) -> tuple:
    """Return `(number of the technician, expiry, meter numbers)` without a check of the tags.

    Raise sealing.SealBroken if it is no service pass of this version.
    """
    rest = len(data) - _HEAD_SIZE
    if rest < 0 or rest % _ENTRY_SIZE or data[0] != _VERSION:
        raise SealBroken("no service pass of this version")
    _, technician, expires_s = struct.unpack_from(_HEAD, data)
    places = range(_HEAD_SIZE, len(data), _ENTRY_SIZE)
    return technician, expires_s, [struct.unpack_from(_NUMBER, data, place)[0] for place in places]


def open_service_pass(aes: "Aes", uid: bytes, number: int, meter_keys: tuple, data: bytes) -> tuple:
    """Return `(number of the technician, expiry)` of a pass whose entry for meter `number` is authentic.

    `meter_keys` are the keys that the meter accepts. Raise MeterNotNamed if there is no such entry, or
    sealing.SealBroken if it is not authentic.
    """
    technician, expires_s, numbers = read_service_pass(data)
    if number not in numbers:
        raise MeterNotNamed(number)
    start = _HEAD_SIZE + _ENTRY_SIZE * numbers.index(number) + _NUMBER_SIZE
    content = data[:_HEAD_SIZE] + struct.pack(_NUMBER, number)
    for key_of_meter in meter_keys:
        tag = _tag(aes, keys.service_pass_key(aes, key_of_meter, uid), content)
        if equal(tag, data[start : start + TAG_SIZE]):
            return technician, expires_s
    raise SealBroken("no pass of this meter")


def make_operator_pass(aes: "Aes", vending_key: bytes, uid: bytes, operator: int, expires_s: int) -> bytes:
    """Return the pass of an operator on the card `uid`."""
    content = struct.pack(_OPERATOR, operator, expires_s)
    return content + _tag(aes, keys.operator_pass_key(aes, vending_key, uid), content)


def read_operator_pass(data: bytes) -> tuple:
    """Return `(number of the operator, expiry)` without a check of the tag. Raise sealing.SealBroken if it is none."""
    if len(data) != _OPERATOR_SIZE:
        raise SealBroken("no operator's pass")
    return struct.unpack_from(_OPERATOR, data)


def open_operator_pass(aes: "Aes", vending_key: bytes, uid: bytes, data: bytes) -> tuple:
    """Return `(number of the operator, expiry)` of an authentic pass. Raise sealing.SealBroken if it is not."""
    opened = read_operator_pass(data)
    if not equal(_tag(aes, keys.operator_pass_key(aes, vending_key, uid), data[:-TAG_SIZE]), data[-TAG_SIZE:]):
        raise SealBroken("no operator's pass")
    return opened


def _tag(aes: "Aes", key: bytes, content: bytes) -> bytes:
    return cmac(aes, key, content)[:TAG_SIZE]
