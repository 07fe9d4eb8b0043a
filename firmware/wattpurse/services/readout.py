"""The readout head: answers a reader of IEC 62056-21, mode C, at the optical window or on a second serial line.

Every reader may read the registers. A reader with the password may set the clock, as far as a technician with the PIN
may. Nothing else can be written: no message here changes credit, terms or keys.

Times, by the standard: an answer begins 200 to 1,500 ms behind the request, and a gap of 1,500 ms ends a message. A
reader that does not choose an option gets the readout at 300 baud. Programming mode ends after 60 to 120 s of silence.
Behind a change of the baud rate the answer waits for longer, because readers open their port anew meanwhile. The line
is read between the turns of other tasks, and written a line of the readout at a time.
"""

from wattpurse.core import carrier
from wattpurse.core.messages import readout as messages
from wattpurse.core.money import supply
from wattpurse.core.records import readout_registers as registers
from wattpurse.services import readout_password as access
from wattpurse.services.console.facts import zone_of

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.app import Meter
    from wattpurse.hal import ReadoutPort

REACTION_MS = 220
CHANGE_MS = 1_000
GAP_MS = 1_500
OPTION_MS = 1_500
INACTIVITY_MS = 90_000
IDLE_POLL_MS = 60
POLL_MS = 15
OFFERED = 5  # 9,600 baud
ATTEMPTS = 3  # at a block that the reader asks for again, or at a command that arrives damaged

_LONGEST_MESSAGE_MS = 4_000  # at 300 baud
_CHUNK_BYTES = 32
_TAKEN_AT_ONCE = 64
_LAST_OUTPUT_MS = 1_000
_LINES_AT_ONCE = 2
_ACKNOWLEDGED = bytes((messages.ACK,))
_REFUSED = bytes((messages.NAK,))
_BREAK = b"\x01B0\x03q"
_LINE_END = b"\r\n"
_ERRORS = {
    access.WRONG: messages.WRONG_PASSWORD,
    access.TOO_SOON: messages.TOO_SOON,
    access.NOT_SET: messages.NO_PASSWORD_SET,
}


class ReadoutHead:
    """The readout head of `meter` on `port` (see `hal`)."""

    def __init__(self, port: "ReadoutPort", meter: "Meter") -> None:
        self._port = port
        self._meter = meter
        self._clock = meter.board.clock
        self._password = access.ReadoutPassword(meter)
        self._receiver = messages.Receiver()
        self._typed = bytearray(_CHUNK_BYTES)
        self._heard_ms = 0  # the time of the last character
        self._baud = 0
        self._may_write = False

    async def run(self) -> None:
        """Serve one reader after the other, for ever."""
        while True:
            await self.serve()

    async def serve(self) -> None:
        """Wait for a sign-on, and serve that reader to the end."""
        self._set_baud(messages.START_BAUD)
        kind = await self._receive(None)
        while kind == messages.SIGN_ON and self._is_asked():
            kind = await self._identify()

    async def _identify(self) -> int:
        """Answer a sign-on and serve the reader. Return the kind of the message that ended this, or NOTHING."""
        self._may_write = False
        self._set_baud(messages.START_BAUD)
        await self._send(messages.identification(OFFERED))
        kind = await self._receive(OPTION_MS)
        if kind == messages.NOTHING:
            return await self._send_readout()
        if kind == messages.OPTION:
            return await self._follow(messages.option_of(self._receiver.message()))
        return kind

    def _is_asked(self) -> bool:
        settings = self._meter.settings
        return access.is_on(settings) and messages.is_for(self._receiver.message(), self._address().encode())

    def _address(self) -> str:
        settings = self._meter.settings
        return access.address_set(settings) or str(settings.get("meter_number", 0))

    async def _follow(self, option: "tuple | None") -> int:
        """Enter the mode that the reader has chosen. An option that the meter does not know ends the session."""
        if option is None or option[1] not in (messages.READOUT, messages.PROGRAMMING):
            return messages.NOTHING
        baud, mode = option
        if baud == OFFERED:
            await self._wait_behind_request(CHANGE_MS)
            self._set_baud(messages.BAUDS[OFFERED])
        return await (self._send_readout() if mode == messages.READOUT else self._follow_commands())

    async def _send_readout(self) -> int:
        """Send all registers, and again if the reader asks for that."""
        readings = self._readings()
        for _ in range(ATTEMPTS):
            await self._wait_behind_request(REACTION_MS)
            await self._send_block(readings)
            kind = await self._receive(GAP_MS)
            if kind != messages.REPEAT:
                return kind
        return messages.NOTHING

    async def _send_block(self, readings: "registers.Readings | None") -> None:
        check = messages.Check()
        await self._put(bytes((messages.STX,)))
        for line in self._lines(readings):
            await self._put(line.encode() + _LINE_END, check)
        await self._put(b"!" + _LINE_END + bytes((messages.ETX,)), check)
        await self._put(bytes((check.value,)))
        await self._finish()

    async def _follow_commands(self) -> int:
        """Follow the commands of programming mode until a break or a long silence."""
        answer = messages.password_request(self._meter.settings.get("meter_number", 0))
        failures = 0
        while failures < ATTEMPTS:
            await self._send(answer)
            kind = await self._receive(INACTIVITY_MS)
            if kind == messages.COMMAND:
                failures = 0
                command, data = messages.command_of(self._receiver.message())
                if command == b"B0":
                    return messages.NOTHING
                answer = await self._answer(command, data)
            elif kind == messages.DAMAGED:
                failures += 1
                answer = _REFUSED
            elif kind == messages.REPEAT:
                failures += 1
            else:
                return kind
        await self._send(_BREAK)
        return messages.NOTHING

    async def _answer(self, command: bytes, data: bytes | None) -> bytes:
        """Return the answer to a command."""
        kind, digit = command[:1], command[1:]
        if (kind == b"P" and digit != b"1") or kind not in (b"P", b"R", b"W") or digit not in (b"1", b"5"):
            return messages.framed(messages.NO_SUCH_COMMAND)
        try:
            address, value = messages.data_set_of(data)
        except ValueError:
            return messages.framed(messages.BAD_DATA_SET)
        if kind == b"P":
            return await self._log_in(value)
        if kind == b"R":
            return messages.framed(await self._read(str(address, "ascii")))
        return self._write(str(address, "ascii"), str(value, "ascii"))

    async def _log_in(self, password: bytes) -> bytes:
        self._may_write = False
        try:
            result = await self._password.attempt(password)
        except OSError:  # flash takes no record of the attempt, so it does not count
            return messages.framed(messages.VALUE_REFUSED)
        if result != access.RIGHT:
            return messages.framed(_ERRORS[result])
        self._may_write = True
        return _ACKNOWLEDGED

    async def _read(self, register: str) -> bytes:
        """Return the data set of a register."""
        start = register + "("
        for place, line in enumerate(self._lines(self._readings())):
            if line.startswith(start):
                return line.encode()
            if place % _LINES_AT_ONCE == 0:
                await self._clock.sleep_ms(0)
        return messages.NO_SUCH_REGISTER

    def _write(self, register: str, value: str) -> bytes:
        """Set a register: only those of the clock can be set."""
        if not self._may_write:
            return messages.framed(messages.NEEDS_PASSWORD)
        if register not in (registers.TIME, registers.DATE, registers.DATE_AND_TIME):
            return messages.framed(messages.NO_SUCH_REGISTER)
        from wattpurse.services.console import changes

        meter = self._meter
        try:
            utc_s = registers.time_of(register, value, zone_of(meter), meter.timekeeper.now_s())
            changes.move_clock(meter, utc_s, False, carrier.READOUT)
        except (ValueError, OSError):  # a time that the PIN may not set either, or flash that takes no record
            return messages.framed(messages.VALUE_REFUSED)
        return _ACKNOWLEDGED

    def _readings(self) -> "registers.Readings | None":
        """Return the registers as they are now, or None without an account."""
        meter = self._meter
        if meter.fault != supply.ON or meter.ledger.account is None:
            return None
        return registers.Readings(meter.ledger.account, meter.load_profile.demands(), meter.energy_of_legs())

    def _lines(self, readings: "registers.Readings | None") -> "Iterator[str]":
        meter = self._meter
        yield from registers.Identity(
            meter_number=meter.settings.get("meter_number", 0),
            address=self._address(),
            version=meter.version,
            alarms=meter.statements.alarms(),
            now_s=meter.timekeeper.now_s(),
            zone=zone_of(meter),
        ).lines()
        if readings is not None:
            yield from readings.lines()

    def _set_baud(self, baud: int) -> None:
        self._baud = baud
        self._port.set_baud(baud)
        self._receiver.reset()

    async def _receive(self, patience_ms: "int | None") -> int:
        """Return the kind of the next message, or NOTHING after so long without one. None waits for ever."""
        clock, receiver = self._clock, self._receiver
        receiver.reset()
        begun_ms = self._heard_ms = clock.ticks_ms()
        while True:
            kind = self._take_typed()
            if kind != messages.NOTHING:
                return kind
            now_ms = clock.ticks_ms()
            if receiver.is_inside and clock.ticks_diff(now_ms, self._heard_ms) > GAP_MS:
                receiver.reset()
            if patience_ms is None:
                begun_ms = now_ms
            else:
                limit_ms = patience_ms + (_LONGEST_MESSAGE_MS if receiver.is_inside else 0)
                if clock.ticks_diff(now_ms, begun_ms) > limit_ms:
                    return messages.NOTHING
            is_quiet = patience_ms is None and not receiver.is_inside
            await clock.sleep_ms(IDLE_POLL_MS if is_quiet else POLL_MS)

    def _take_typed(self) -> int:
        """Take the characters that have arrived, and drop those behind a whole message: readers wait for answers."""
        count = self._port.read(self._typed)
        if count:
            self._heard_ms = self._clock.ticks_ms()
        for place in range(count):
            kind = self._receiver.put(self._typed[place])
            if kind != messages.NOTHING:
                return kind
        return messages.NOTHING

    async def _send(self, data: bytes) -> None:
        """Answer the message that was heard last."""
        await self._wait_behind_request(REACTION_MS)
        await self._put(data)
        await self._finish()

    async def _wait_behind_request(self, reaction_ms: int) -> None:
        passed_ms = self._clock.ticks_diff(self._clock.ticks_ms(), self._heard_ms)
        if passed_ms < reaction_ms:
            await self._clock.sleep_ms(reaction_ms - passed_ms)

    async def _put(self, data: bytes, check: "messages.Check | None" = None) -> None:
        """Write, in pieces that the UART takes at once, and wait as long as each takes on the line."""
        if check is not None:
            check.add(data)
        view = memoryview(data)
        for start in range(0, len(data), _CHUNK_BYTES):
            piece = view[start : start + _CHUNK_BYTES]
            self._port.write(piece)
            await self._clock.sleep_ms(len(piece) * messages.BITS_OF_CHARACTER * 1000 // self._baud + 1)

    async def _finish(self) -> None:
        """Wait until the line is quiet, and drop the characters heard meanwhile: a head hears its own light."""
        waited_ms = 0
        while not self._port.is_sent() and waited_ms < _LAST_OUTPUT_MS:
            await self._clock.sleep_ms(POLL_MS)
            waited_ms += POLL_MS
        for _ in range(_TAKEN_AT_ONCE):
            if not self._port.read(self._typed):
                break
