"""Frames of a card through the agent: both ends of the commands with which the office works a real reader.

The office has the driver `RemoteDriver` at the seam of the purse's code. Each call of it is one command for the agent,
which makes the same call of its own driver. Keys stay in the office but for an authentication, which sends the keys of
one sector of one card. Whatever an agent answers becomes an answer of the card, or an OSError.
"""

from collections.abc import Callable
from typing import Protocol

from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.desk.exchange import COMMAND_S, Desk
from wattpurse_tools.desk.protocol import FRAMES
from wattpurse_tools.readers.driver import UID_LENGTHS, WRITE_BLOCK
from wattpurse_tools.station.card_reader import REASONS

FIND = "find"
SELECT = "select"
AUTHENTICATE = "authenticate"
EXCHANGE = "exchange"
WRITE = "write"
TRANSCEIVE = "transceive"

_MAX_REPLY = 512


class FrameDriver(Protocol):
    """The driver of a reader at the agent, as `PcscDriver` is one."""

    def close(self) -> None:
        """Leave the card."""
        ...

    async def find_card(self) -> CardIdentity | None:
        """Return the identity of the card on the reader, or None."""
        ...

    async def select_again(self, identity: CardIdentity) -> None:
        """Select a card already known."""
        ...

    async def authenticate(self, frame: bytes, timeout_us: int) -> None:
        """Open a sector with a key."""
        ...

    async def exchange(self, frame: bytes, reply_length: int, timeout_us: int) -> bytes:
        """Send a frame and return the answer."""
        ...

    async def acknowledged(self, frame: bytes, timeout_us: int) -> None:
        """Send a frame that the card acknowledges."""
        ...

    def transceive(self, apdu: bytes) -> bytes:
        """Return the answer of an ISO 14443-4 card to an APDU."""
        ...


class RemoteDriver:
    """The reader of a desk at the seam of the purse's code. It raises CardError as `Mfrc522` does, or OSError."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._block: bytes | None = None
        self.is_kept = False

    async def start(self) -> None:
        """Begin anew with the card that lies on the reader now."""
        self._block = None

    async def find_card(
        self, wake: bool = False, prepare: Callable[[bytes], None] | None = None
    ) -> CardIdentity | None:
        """Return the identity of the card on the reader, or None."""
        answer = self._call(FIND)
        if answer.get("uid") is None:
            return None
        identity = CardIdentity(_bytes(answer, "uid"), _number(answer, "sak"), _bytes(answer, "atqa"))
        if len(identity.uid) not in UID_LENGTHS:
            raise CardError("garbled")
        if prepare is not None:
            prepare(identity.uid)
        return identity

    async def select_again(self, identity: CardIdentity) -> None:
        """Select a card already known. Raise CardError if it is gone."""
        self._block = None
        self._call(SELECT, uid=identity.uid.hex(), sak=identity.sak, atqa=bytes(identity.atqa).hex())

    async def halt(self) -> None:
        """Leave the card."""
        self.close()

    async def authenticate(self, frame: bytes, timeout_us: int) -> None:
        """Open a sector with a key."""
        self._call(AUTHENTICATE, frame=bytes(frame).hex(), timeout_us=timeout_us)

    async def exchange(self, frame: bytes, reply_length: int, timeout_us: int) -> bytes:
        """Send a frame and return the answer of exactly `reply_length` bytes."""
        answer = self._call(EXCHANGE, frame=bytes(frame).hex(), length=reply_length, timeout_us=timeout_us)
        reply = _bytes(answer, "reply")
        if len(reply) != reply_length:
            raise CardError("garbled")
        return reply

    async def acknowledged(self, frame: bytes, timeout_us: int) -> None:
        """Send a frame that the card acknowledges. Both halves of a write to a block go in one command."""
        block, self._block = self._block, None
        if block is None and len(frame) == 2 and frame[0] == WRITE_BLOCK:
            self._block = bytes(frame)
            return
        frames = [bytes(frame).hex()] if block is None else [block.hex(), bytes(frame).hex()]
        self._call(WRITE, frames=frames, timeout_us=timeout_us)

    def transceive(self, apdu: bytes) -> bytes:
        """Return the answer of an ISO 14443-4 card to an APDU, with its status."""
        return _bytes(self._call(TRANSCEIVE, frame=apdu.hex()), "reply")

    def close(self) -> None:
        """Leave the card. The agent leaves it by itself too, after a pause."""

    def _call(self, call: str, **fields: object) -> dict:
        answer = self._desk.command(FRAMES, COMMAND_S, call=call, **fields)
        reason = answer.get("reason")
        if reason is not None:
            raise CardError(reason if isinstance(reason, str) and reason in REASONS else "garbled")
        return answer


def carry_out(driver: FrameDriver, command: dict) -> dict:
    """Carry out a command for frames and return its answer. Raise OSError, ValueError or KeyError if it fails."""
    steps = {
        FIND: _find,
        SELECT: _select,
        AUTHENTICATE: _authenticate,
        EXCHANGE: _exchange,
        WRITE: _write,
        TRANSCEIVE: _transceive,
    }
    try:
        return run_driver(steps[command["call"]](driver, command))
    except CardError as error:
        return {"reason": error.reason}


async def _find(driver: FrameDriver, command: dict) -> dict:
    identity = await driver.find_card()
    if identity is None:
        return {"uid": None}
    return {"uid": identity.uid.hex(), "sak": identity.sak, "atqa": bytes(identity.atqa).hex()}


async def _select(driver: FrameDriver, command: dict) -> dict:
    await driver.select_again(CardIdentity(_bytes(command, "uid"), _number(command, "sak"), _bytes(command, "atqa")))
    return {}


async def _authenticate(driver: FrameDriver, command: dict) -> dict:
    await driver.authenticate(_frame(command), _number(command, "timeout_us"))
    return {}


async def _exchange(driver: FrameDriver, command: dict) -> dict:
    frame, length = _frame(command), _number(command, "length")
    return {"reply": bytes(await driver.exchange(frame, length, _number(command, "timeout_us"))).hex()}


async def _write(driver: FrameDriver, command: dict) -> dict:
    for frame in command["frames"]:
        await driver.acknowledged(bytes.fromhex(frame), _number(command, "timeout_us"))
    return {}


async def _transceive(driver: FrameDriver, command: dict) -> dict:
    return {"reply": driver.transceive(_frame(command)).hex()}


def _bytes(fields: dict, name: str) -> bytes:
    """Return the bytes of a field. Raise CardError ("garbled") if it has none."""
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > 2 * _MAX_REPLY:
        raise CardError("garbled")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise CardError("garbled") from None


def _frame(command: dict) -> bytes:
    """Return the frame of a command. Raise CardError ("garbled") if it has none."""
    frame = _bytes(command, "frame")
    if not frame:
        raise CardError("garbled")
    return frame


def _number(fields: dict, name: str) -> int:
    """Return the number in a field. Raise CardError ("garbled") if it has none."""
    value = fields.get(name)
    if not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise CardError("garbled")
    return value
