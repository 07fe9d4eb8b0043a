"""Advertising: the meter names itself and its alarms to everybody in range, and no person.

The advertising data has the service, and behind the number of no company: version u8, meter number u32, alarm bits u8
(see `statement`). The scan response has the name for people.
"""

import struct

VERSION = 1
SERVICE_UUID = "b3d50001-7c1e-4f0a-9a55-776174747075"
REQUEST_UUID = "b3d50002-7c1e-4f0a-9a55-776174747075"
ANSWER_UUID = "b3d50003-7c1e-4f0a-9a55-776174747075"
NAME_BEGIN = "Wattpurse "
NO_COMPANY = 0xFFFF  # the identifier that the Bluetooth SIG reserves for those who have none

_FLAGS = b"\x02\x01\x06"  # generally discoverable, no classic Bluetooth
_ALL_UUIDS = 0x07
_COMPLETE_NAME = 0x09
_MANUFACTURER = 0xFF
_STATE = "<BIB"


def advertisement(meter_number: int, alarms: int) -> bytes:
    """Return the advertising data: the service, version, meter number and alarm bits. They fill its 31 bytes."""
    state = struct.pack("<H", NO_COMPANY) + struct.pack(_STATE, VERSION, meter_number, alarms)
    return _FLAGS + _field(_ALL_UUIDS, uuid_bytes(SERVICE_UUID)) + _field(_MANUFACTURER, state)


def scan_response(meter_number: int) -> bytes:
    """Return the scan response: the name of the meter for people."""
    return _field(_COMPLETE_NAME, (NAME_BEGIN + str(meter_number)).encode())


def read_state(manufacturer_data: bytes) -> tuple | None:
    """Return `(version, meter number, alarm bits)` from the bytes behind the company's number, or None for others."""
    if len(manufacturer_data) != struct.calcsize(_STATE):
        return None
    return struct.unpack(_STATE, manufacturer_data)


def uuid_bytes(uuid: str) -> bytes:
    """Return a UUID as it goes over the air: the last byte first."""
    return bytes(reversed(bytes.fromhex(uuid.replace("-", ""))))


def _field(kind: int, data: bytes) -> bytes:
    return bytes((len(data) + 1, kind)) + data
