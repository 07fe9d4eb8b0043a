"""The Bluetooth link: a phone or a key fob brings tokens and takes the statement, one customer at a time.

The port (see `hal`) moves bytes, and `frames` describes the requests. The phone asks and the meter answers, so a peer
that is slow or silent holds nothing: every wait has an end, and the visit has one too. The begin of a content and the
last answer outlive a lost connection for two minutes, and the phone continues where it was.

Anybody in range may talk to the meter. Tokens are sealed, and the statement is sealed too, so a stranger learns nothing
and changes nothing. A stranger's bytes are shown nowhere and leave no event. A visit that brings many of them ends.
"""

from wattpurse.core import carrier, outcome
from wattpurse.core.messages import advertising, frames, token

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.messages.frames import Frame
    from wattpurse.hal import BluetoothPort, Clock
    from wattpurse.services.statement_numbers import StatementNumbers
    from wattpurse.services.statements import Statements
    from wattpurse.services.teller import Teller
    from wattpurse.stores import Stores

ADVERTISE_MS = 10_000  # then the alarms of the advertisement are renewed
READ_MS = 1_000
WRITE_MS = 2_000
IDLE_MS = 15_000
VISIT_MS = 120_000
RESUME_MS = 120_000
SAME_STATEMENT_MS = 5_000
ERROR_LIMIT = 8
OFF_MS = 1_000
STATEMENT_CAPACITY = 512  # sealing takes one step of the loop
SETTING = "bluetooth"

_REMEMBERED = 8
_TAG_AT = -8
# Outcomes that anybody in range can cause, with bytes of their own or with a token that was overheard.
_OF_STRANGERS = (outcome.UNREADABLE, outcome.NOT_THIS_METER, outcome.USED, outcome.NO_NEWS)


class Bluetooth:
    """The service on `port`, for the meter that keeps `stores`.

    Tokens go to `teller`, statements come from `statements` and their numbers from `numbers`. `show_outcome(outcome)`
    is called for tokens of this meter alone.
    """

    def __init__(
        self,
        port: "BluetoothPort",
        stores: "Stores",
        clock: "Clock",
        teller: "Teller",
        statements: "Statements",
        numbers: "StatementNumbers",
        show_outcome: "Callable[[int], None]",
    ) -> None:
        self.is_connected = False
        self._port = port
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._clock = clock
        self._teller = teller
        self._statements = statements
        self._numbers = numbers
        self._show_outcome = show_outcome
        self._reader = frames.FrameReader()
        self._upload = frames.Upload()
        self._answer = b""
        self._answer_check = 0
        self._answered_ms = self._left_ms = clock.ticks_ms()
        self._accepted = []
        self._strangers = 0

    async def run(self) -> None:
        """Serve one customer after the other, while the setting is on."""
        while True:
            if not self._settings.get(SETTING, 0):
                await self._port.stop()
                await self._clock.sleep_ms(OFF_MS)
                continue
            number = self._settings.get("meter_number")
            about = advertising.advertisement(number, self._statements.alarms()), advertising.scan_response(number)
            if await self._port.advertise(about[0], about[1], ADVERTISE_MS):
                await self._receive_visitor()
            elif self._age_ms(self._left_ms) > RESUME_MS:
                self._forget()

    async def _receive_visitor(self) -> None:
        """Serve a customer until the connection ends. A connection that is lost is the end of a visit."""
        if self._age_ms(self._left_ms) > RESUME_MS:
            self._forget()
        self.is_connected = True
        try:
            await self._serve()
        except OSError:
            pass
        finally:
            self.is_connected = False
            self._left_ms = self._clock.ticks_ms()
            await self._port.disconnect()

    async def _serve(self) -> None:
        """Answer frame after frame. Raise OSError if the connection is lost."""
        reader = self._reader
        reader.clear()
        reader.errors = self._strangers = 0
        begun_ms = heard_ms = self._clock.ticks_ms()
        while self._may_stay(begun_ms, heard_ms):
            data = await self._port.read(READ_MS)
            if not data:
                reader.clear()
                continue
            reader.feed(data)
            asked = reader.take()
            while asked is not None:
                heard_ms = self._clock.ticks_ms()
                await self._port.write(self.answer(asked), WRITE_MS)
                await self._clock.sleep_ms(0)
                asked = reader.take() if self._may_stay(begun_ms, heard_ms) else None

    def _may_stay(self, begun_ms: int, heard_ms: int) -> bool:
        if self._reader.errors > ERROR_LIMIT or self._strangers > ERROR_LIMIT or not self._settings.get(SETTING, 0):
            return False
        return self._age_ms(heard_ms) <= IDLE_MS and self._age_ms(begun_ms) <= VISIT_MS

    def answer(self, asked: "Frame") -> bytes:
        """Return the frame that answers one frame of the phone."""
        if asked.kind == frames.BEGIN:
            kind, offset, payload = self._begin(asked)
        elif asked.kind == frames.PART:
            kind, offset, payload = self._take_part(asked)
        elif asked.kind == frames.FETCH:
            kind, offset, payload = self._give_part(asked)
        else:
            kind, offset, payload = _refused(frames.NOT_UNDERSTOOD)
        return frames.frame(kind, asked.sequence, offset, payload)

    def _begin(self, asked: "Frame") -> tuple:
        opening = frames.read_begin(asked.payload)
        if opening is None:
            return _refused(frames.NOT_UNDERSTOOD)
        subject, size, check = opening
        if subject == frames.STATEMENT:
            return self._give_statement()
        if subject != frames.TOKEN:
            return _refused(frames.NOT_UNDERSTOOD)
        try:
            self._upload.begin(subject, size, check)
        except ValueError:
            return _refused(frames.TOO_LONG)
        return frames.HAVE, self._upload.have, b""

    def _take_part(self, asked: "Frame") -> tuple:
        if not self._upload.size:
            return _refused(frames.GONE)
        self._upload.put(asked.offset, asked.payload)
        if not self._upload.is_whole:
            return frames.HAVE, self._upload.have, b""
        content = self._upload.take()
        if content is None:
            return _refused(frames.BROKEN)
        return frames.RESULT, 0, frames.result(frames.TOKEN, self._redeem(content))

    def _give_part(self, asked: "Frame") -> tuple:
        check = frames.read_fetch(asked.payload)
        if check is None:
            return _refused(frames.NOT_UNDERSTOOD)
        if not self._answer or check != self._answer_check:
            return _refused(frames.GONE)
        return frames.DATA, asked.offset, self._answer[asked.offset : asked.offset + frames.PAYLOAD_LIMIT]

    def _give_statement(self) -> tuple:
        """Seal a statement. For some seconds it is the same one, so that nobody uses up numbers and the flash."""
        if self._ledger.account is None:
            return _refused(frames.NOT_NOW)
        if not self._answer or self._age_ms(self._answered_ms) > SAME_STATEMENT_MS:
            try:
                number = self._numbers.take()
            except OSError:
                return _refused(frames.NOT_NOW)
            keys = self._statements.keys(carrier.statement_identity(carrier.BLE, number))
            self._answer = frames.numbered(number, self._statements.seal(keys, number, STATEMENT_CAPACITY))
            self._answered_ms = self._clock.ticks_ms()
        payload = frames.result(frames.STATEMENT, outcome.ACCEPTED, self._answer)
        self._answer_check = frames.read_result(payload)[3]
        return frames.RESULT, 0, payload

    def _redeem(self, data: bytes) -> int:
        """Return the outcome of a token. One that the meter remembers is as good as accepted: its answer was lost."""
        if self._ledger.account is None:
            return outcome.LEDGER_FAILED
        result = self._teller.redeem(data, carrier.BLE)
        if result == outcome.ACCEPTED:
            self._answer = b""  # the next statement tells of the token
            self._accepted.append(data[_TAG_AT:])
            del self._accepted[:-_REMEMBERED]
        elif result == outcome.USED:
            return self._repeated(data)
        if result in _OF_STRANGERS:
            self._strangers += 1
        else:
            self._show_outcome(result)
        return result

    def _repeated(self, data: bytes) -> int:
        """Return the outcome of a token whose number is used."""
        if data[_TAG_AT:] in self._accepted:
            return outcome.ACCEPTED
        sequence = token.read_header(data)[1]
        return outcome.NO_NEWS if self._ledger.account.remembers_token(sequence) else outcome.USED

    def _forget(self) -> None:
        self._upload.clear()
        self._answer = b""

    def _age_ms(self, ticks_ms: int) -> int:
        return self._clock.ticks_diff(self._clock.ticks_ms(), ticks_ms)


def _refused(reason: int) -> tuple:
    return frames.REFUSED, 0, bytes((reason,))
