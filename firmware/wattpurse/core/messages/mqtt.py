"""Topics and payloads of a meter at an MQTT broker, version 1. `docs/mqtt.md` describes them for people.

All topics of a meter begin with `wattpurse/1/NUMBER/`. A change of a topic or of a payload gets another version in the
place of the 1, so that readers of the old one see nothing instead of something wrong.

A statement travels as the version u8, the epoch u32 and the sealed statement (see `statement`). A statement's number
has 16 bits. The epoch has the bits above them, and is part of the identity under which the statement is sealed: a link
counts for ever and never seals two statements with the same keys and number.
"""

import struct

from wattpurse.core import outcome
from wattpurse.core.messages import statement, token

VERSION = 1

# To the meter.
TOKEN = "token"
IDENTIFY = "identify"
# From the meter.
STATEMENT = "statement"
RECEIPT = "ack"
ALARMS = "alarms"
LINK = "link"
STATE = "state"

ONLINE = b"online"
OFFLINE = b"offline"

NUMBER_BITS = 48

_ROOT = "wattpurse"
_ENVELOPE = "<BI"
_ENVELOPE_SIZE = 5
_EPOCH_BITS = 16
_NAMES = (
    (outcome.ACCEPTED, "accepted"),
    (outcome.USED, "used"),
    (outcome.NOT_THIS_METER, "not-this-meter"),
    (outcome.UNREADABLE, "unreadable"),
    (outcome.OVER_LIMIT, "over-limit"),
    (outcome.NOT_SUPPORTED, "not-supported"),
    (outcome.OUTDATED, "outdated"),
    (outcome.LEDGER_FAILED, "ledger-failed"),
    (outcome.OUT_OF_ORDER, "out-of-order"),
    (outcome.OTHER_TENANT, "other-tenant"),
    (outcome.NOT_ENTITLED, "not-entitled"),
)


def topic(meter_number: int, name: str) -> str:
    """Return the topic `name` of a meter."""
    return f"{_ROOT}/{VERSION}/{meter_number}/{name}"


def parse_topic(text: str) -> tuple | None:
    """Return `(meter number, name)` of a topic of this version, or None for any other."""
    parts = text.split("/")
    if len(parts) != 4 or parts[:2] != [_ROOT, str(VERSION)] or not parts[2].isdigit():
        return None
    return int(parts[2]), parts[3]


def wrap_statement(number: int, sealed: bytes) -> bytes:
    """Return the payload with the sealed statement `number`."""
    return struct.pack(_ENVELOPE, VERSION, number >> _EPOCH_BITS) + sealed


def unwrap_statement(payload: bytes) -> tuple:
    """Return `(number, sealed statement)`. Raise ValueError for other bytes."""
    if len(payload) < _ENVELOPE_SIZE:
        raise ValueError("the payload is too short for a statement")
    version, epoch = struct.unpack_from(_ENVELOPE, payload)
    header = statement.read_header(payload[_ENVELOPE_SIZE:])
    if version != VERSION or header is None:
        raise ValueError("the payload is no statement of this version")
    return epoch << _EPOCH_BITS | header[0], payload[_ENVELOPE_SIZE:]


def receipt(data: bytes, result: int, is_redeemed: bool) -> bytes:
    """Return the acknowledgement of a token, `data` as it came, in JSON.

    `is_redeemed` is True if the token has had its effect, now or before. The number is null if there is none to read.
    """
    header = token.read_header(data)
    number = "null" if header is None else str(header[1])
    redeemed = "true" if is_redeemed else "false"
    words = outcome.text(result)
    name = dict(_NAMES).get(result, "other")
    text = f'{{"token":{number},"outcome":"{name}","redeemed":{redeemed},"text":"{words}"}}'
    return text.encode()


def alarms(bits: int, firmware: str) -> bytes:
    """Return the alarm bits of a statement by name, and the version of the firmware, in JSON."""
    names = [f'"{text}"' for bit, text in statement.ALARM_TEXTS if bits & bit]
    return f'{{"alarms":[{",".join(names)}],"firmware":"{firmware}"}}'.encode()
