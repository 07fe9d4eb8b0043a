"""The desk reader on a serial port, at the seam of the purse's code, where a meter has its MFRC522.

`serial:PORT` names it, and `serial:` the only one that is plugged in. The frames are those of
`wattpurse.core.messages.reader_frames`. The message of each trouble names the remedy.
"""

import errno
import secrets
import time
from collections.abc import Callable

import serial
from serial.tools import list_ports

from wattpurse.cards import iso_dep
from wattpurse.cards.iso14443 import CardError, CardIdentity
from wattpurse.cards.linked_reader import LinkedReader
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.cards.reader_link import LinkLost, ReaderLink
from wattpurse.core.messages import reader_frames as frames
from wattpurse_tools.blocking import Ticks, run_driver
from wattpurse_tools.serial_port import SerialPort

# The USB serial port of MicroPython on an RP2040.
USB_ID = (0x2E8A, 0x0005)
PREFIX = "serial:"
FAMILY = "desk reader"
NONCE_BITS = 32
_WRITE_S = 2.0
# USB loses nothing, and a busy computer is late. A board that serves the request of a program that has ended is busy.
_PATIENCE_MS = 250

NO_DESK_READER = "no desk reader is plugged in; plug it in, or name its port: serial:/dev/ttyACM0"
_UNPLUGGED = "the desk reader at {port} was unplugged; plug it in and try again"
_OPEN_ERRORS = {
    errno.EACCES: "this user may not open {port}; allow it with: sudo adduser $USER dialout; then log in anew",
    errno.ENOENT: "there is no port {port}; plug the desk reader in and look with: ls /dev/ttyACM*",
    errno.EBUSY: "another program holds {port}; end it (often ModemManager or a terminal) and try again",
    errno.EAGAIN: "another program holds {port}; end it (often a terminal or another till) and try again",
}


class DeskReaderTrouble(ReaderError):
    """The desk reader cannot be used. The text names the remedy."""


class PortLine:
    """A serial port as a line, see `wattpurse.cards.reader_link.Line`. Nothing else runs while a read waits."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._serial = _opened(port)

    async def read(self, timeout_ms: int) -> bytes:
        """Return bytes, b"" if none come in time. Raise DeskReaderTrouble if the port is gone."""
        try:
            self._serial.timeout = timeout_ms / 1000
            data = self._serial.read(1)
            waiting = self._serial.in_waiting if data else 0
            return data + self._serial.read(waiting) if waiting else data
        except OSError as error:
            raise DeskReaderTrouble(_UNPLUGGED.format(port=self.port)) from error

    async def write(self, data: bytes) -> None:
        """Send bytes. Raise DeskReaderTrouble if the port is gone or takes nothing."""
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            words = f"the device at {self.port} takes no bytes; unplug it, plug it in and try again"
            raise DeskReaderTrouble(words) from None
        except OSError as error:
            raise DeskReaderTrouble(_UNPLUGGED.format(port=self.port)) from error

    def close(self) -> None:
        """Let other programs have the port."""
        self._serial.close()


class RealTicks(Ticks):
    """The clock in real time."""

    def ticks_us(self) -> int:
        """Return microseconds."""
        return time.monotonic_ns() // 1000

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep. Nothing else runs meanwhile."""
        time.sleep(duration_ms / 1000)


class DeskReaderDriver(LinkedReader):
    """The desk reader behind the line that `open_line` opens. `name` is the reader for people.

    While it `is_kept`, no other program gets the port.
    """

    def __init__(self, name: str, open_line: Callable[[], PortLine], clock: RealTicks | None = None) -> None:
        self.name = name
        self.is_kept = False
        self._open_line = open_line
        self._ticks = clock or RealTicks()
        self._line: PortLine | None = None
        self._identity: CardIdentity | None = None
        self._iso_dep: iso_dep.IsoDepCard | None = None
        super().__init__(_NoLink())

    async def start(self) -> None:
        """Open the port if it is closed, and begin a session. Raise DeskReaderTrouble, with the remedy in words."""
        self._identity = self._iso_dep = None
        if self._line is None:
            self._line = self._open_line()
        self.link = link_over(self._line, self._ticks)
        try:
            await super().start()
        except LinkLost as error:
            self.close()
            raise DeskReaderTrouble(
                f"no desk reader answers at {self.name}; if it is one, unplug it and plug it in; put its image on a"
                f" Pico with: make deploy BOARD=desk-reader PORT={self.name}"
            ) from error
        except DeskReaderTrouble:
            self.close()
            raise
        except ReaderError as error:
            self.close()
            raise DeskReaderTrouble(
                f"the desk reader at {self.name} fails: {error}; look at the wires of its RC522: docs/desk-reader.md"
            ) from error
        if self.link.role != frames.DESK_READER:
            self.close()
            raise DeskReaderTrouble(f"the board at {self.name} is no desk reader but another reader board")

    async def find_card(
        self, wake: bool = True, prepare: Callable[[bytes], None] | None = None, look_ms: int = 0
    ) -> CardIdentity | None:
        """Return the identity of the card on the reader, in any state, or None. Open the port if it is closed."""
        if self._line is None:
            await self.start()
        self._iso_dep = None
        self._identity = await super().find_card(wake, prepare, look_ms)
        return self._identity

    async def select_again(self, identity: CardIdentity) -> None:
        """Select a card already known, in any state. Raise CardError if it is gone."""
        self._iso_dep = None
        await super().select_again(identity)
        self._identity = identity

    def transceive(self, apdu: bytes) -> bytes:
        """Return the answer of an ISO 14443-4 card to an APDU, with its status. Raise CardError if the card is lost."""
        return run_driver(self._transceived(apdu))

    async def _transceived(self, apdu: bytes) -> bytes:
        if self._identity is None:
            raise CardError("silent")
        if self._iso_dep is None:
            self._iso_dep = await iso_dep.activate(self, self._identity, self._ticks)
        return await self._iso_dep.transceive(apdu)

    def close(self) -> None:
        """Let other programs have the port."""
        self._identity = self._iso_dep = None
        line, self._line = self._line, None
        self.link = _NoLink()
        if line is not None:
            line.close()


class _NoLink(ReaderLink):
    """The link of a port that is closed."""

    def __init__(self) -> None:
        self.role = None
        self.identity = None

    async def ask(self, kind: int, content: bytes | bytearray = b"", work_ms: int = 0) -> tuple:
        """Raise DeskReaderTrouble."""
        raise DeskReaderTrouble("the port of the desk reader is closed")


def link_over(line: PortLine, clock: RealTicks) -> ReaderLink:
    """Return a link over a port."""
    return ReaderLink(line, clock, lambda: secrets.randbits(NONCE_BITS), patience_ms=_PATIENCE_MS)


def driver_of(port: str) -> DeskReaderDriver:
    """Return the driver of the desk reader at a port, or of the only one if the port is empty.

    Raise DeskReaderTrouble if none or several are plugged in. The port is opened when the driver is used.
    """
    if not port:
        found = ports()
        if not found:
            raise DeskReaderTrouble(NO_DESK_READER)
        if len(found) > 1:
            raise DeskReaderTrouble(f"name one of these ports: {', '.join(PREFIX + one for one in found)}")
        port = found[0]
    return DeskReaderDriver(port, lambda: PortLine(port))


def ports() -> list[str]:
    """Return the serial ports at which a board with MicroPython is plugged in. A meter looks the same here."""
    return sorted(one.device for one in list_ports.comports() if (one.vid, one.pid) == USB_ID)


def _opened(port: str) -> SerialPort:
    try:
        return SerialPort(port, timeout=0, write_timeout=_WRITE_S, exclusive=True)
    except OSError as error:
        words = _OPEN_ERRORS.get(_errno_of(error), "{port} cannot be opened: {error}")
        raise DeskReaderTrouble(words.format(port=port, error=error)) from error


def _errno_of(error: OSError) -> int:
    """Return the number of an error. pyserial keeps it, except where it could not lock the port."""
    if error.errno is not None:
        return error.errno
    cause = error.__context__
    return cause.errno or 0 if isinstance(cause, OSError) else 0
