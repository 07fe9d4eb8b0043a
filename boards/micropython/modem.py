"""A modem on a UART as the way to the broker: it is asked in AT commands, dials, and then carries PPP.

The commands are those of 3GPP TS 27.007, which every cellular modem has. Before it dials, the meter asks for the SIM
and for the registration, so that a failure has a reason that a technician can mend. PPP does not
notice a dead line at once. A service that hears nothing from the broker calls `take_down`; then `bring_up` dials anew.

The SIM must not ask for a PIN. A meter that tries a wrong PIN at each start would block the SIM.
"""

from boards.micropython.at_chat import AtChat, Refused, Unanswered

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from boards.micropython.at_chat import Uart
    from wattpurse.core.records.network_settings import ModemSettings
    from wattpurse.hal import Clock

    class PppLine(Protocol):
        """PPP on the UART of a modem, the same for every port of MicroPython."""

        def start(self, __user: str, __password: str) -> None: ...

        def has_address(self) -> bool: ...

        def is_over(self) -> bool: ...

        def stop(self) -> None: ...


BAUD = 115_200

_ANSWER_MS = 1_000
_SIM_MS = 5_000  # a modem that has just got its supply reads its SIM for some seconds
_DIAL_MS = 60_000
_END_MS = 20_000  # lwIP asks a dead line twice to end, with six seconds each
_LOOK_MS = 50
_AGAIN_MS = 1_000
_CALLS = 3  # a modem may need the first one to find the baud rate

_HOME = 1
_DENIED = 3
_ROAMING = 5
_NO_SIGNAL = 99
_SIM_BUSY = "14"
_SIM_ERRORS = {
    "10": "no SIM in the modem",
    "11": "the SIM asks for its PIN: switch the PIN off, in a telephone",
    "12": "the SIM is blocked and asks for its PUK",
    "13": "the SIM is faulty",
    "15": "the modem does not accept this SIM",
}
_SIM_STATES = {"SIM PIN": _SIM_ERRORS["11"], "SIM PUK": _SIM_ERRORS["12"]}
_REGISTRATIONS = ("AT+CEREG?", "AT+CGREG?", "AT+CREG?")  # 4G, packets of 2G and 3G, calls of 2G and 3G


class Modem:
    """The modem on `uart`, whose line carries `ppp`, as `hal.Network`."""

    def __init__(self, uart: "Uart", ppp: "PppLine", settings: "ModemSettings", clock: "Clock") -> None:
        self._chat = AtChat(uart, clock)
        self._ppp = ppp
        self._settings = settings
        self._clock = clock
        self._end_ms = 0
        self._waits_for = ""
        self._was_started = False

    def is_up(self) -> bool:
        """Return True if PPP has an address. A line that has just died still has one."""
        return self._was_started and self._ppp.has_address()

    def take_down(self) -> None:
        """End PPP. The modem hangs up at the next `bring_up`."""
        self._was_started = False
        self._ppp.stop()

    async def bring_up(self, timeout_ms: int) -> None:
        """Connect, and wait for an address, at most `timeout_ms`. Raise OSError with the reason."""
        self._end_ms = self._clock.ticks_add(self._clock.ticks_ms(), timeout_ms)
        if self.is_up():
            return
        self.take_down()
        await self._wait(self._ppp.is_over, _END_MS, "the last PPP line does not end")
        self._waits_for = ""
        try:
            await self._reach()
            await self._await_sim()
            await self._await_registration()
            await self._dial()
        except Unanswered:
            if self._waits_for and not self._left_ms():
                raise OSError(self._waits_for) from None
            raise
        self._ppp.start(self._settings.user, self._settings.password)
        self._was_started = True
        await self._wait(self.is_up, None, "the modem dialled, but PPP got no address: check APN, user and password")

    async def _reach(self) -> None:
        """Bring the modem to its commands, without an echo and with numbers in place of bare errors."""
        if not await self._answers():
            await self._chat.escape()
            if not await self._answers():
                raise OSError("the modem does not answer: check its supply, and that TX and RX cross")
        await self._chat.ask("ATH", self._at_most(_SIM_MS))
        await self._chat.ask("ATE0", self._at_most(_ANSWER_MS))
        await self._chat.ask("AT+CMEE=1", self._at_most(_ANSWER_MS))

    async def _answers(self) -> bool:
        for _ in range(_CALLS):
            try:
                await self._chat.ask("AT", self._at_most(_ANSWER_MS))
                return True
            except (Unanswered, Refused):
                continue
        return False

    async def _await_sim(self) -> None:
        """Wait until the SIM is ready. Raise OSError with the reason if only a person can mend it."""
        while True:
            try:
                lines = await self._chat.ask("AT+CPIN?", self._at_most(_SIM_MS))
            except Refused as error:
                number = error.result.partition(":")[2].strip()
                if number != _SIM_BUSY:
                    raise OSError(_SIM_ERRORS.get(number, "no SIM in the modem, or it cannot be read")) from None
                await self._try_again("the SIM does not get ready")
                continue
            state = _value(lines, "+CPIN:")
            if state == "READY":
                self._waits_for = ""
                return
            raise OSError(_SIM_STATES.get(state, f"the SIM is not ready, but '{state}'"))

    async def _await_registration(self) -> None:
        """Wait until a network has taken the SIM."""
        while True:
            was_denied = False
            for question in _REGISTRATIONS:
                state = await self._registration(question)
                if state in (_HOME, _ROAMING):
                    self._waits_for = ""
                    return
                was_denied = was_denied or state == _DENIED
            if was_denied:
                why = "the network refuses the SIM: check its contract"
            elif await self._signal() == _NO_SIGNAL:
                why = "no signal: check the antenna of the modem"
            else:
                why = "the modem is not registered with a network"
            await self._try_again(why)

    async def _registration(self, question: str) -> int | None:
        """Return the state that the modem gives to `question`, None if it does not know it."""
        try:
            lines = await self._chat.ask(question, self._at_most(_SIM_MS))
        except Refused:
            return None
        fields = _value(lines, question[2:-1] + ":").split(",")
        return _number(fields[1]) if len(fields) > 1 else None

    async def _signal(self) -> int | None:
        try:
            return _number(_value(await self._chat.ask("AT+CSQ", self._at_most(_ANSWER_MS)), "+CSQ:").split(",")[0])
        except Refused:
            return None

    async def _dial(self) -> None:
        context = f'AT+CGDCONT=1,"IP","{self._settings.apn}"'
        await self._chat.ask(context, self._at_most(_SIM_MS))
        lines = await self._chat.ask("ATD" + self._settings.number, self._at_most(_DIAL_MS))
        if not lines or not lines[-1].startswith("CONNECT"):
            raise OSError(f"the modem does not connect to {self._settings.number}")

    async def _try_again(self, why: str) -> None:
        """Wait before the next question. Raise OSError with `why` if the time is over."""
        if not self._left_ms():
            raise OSError(why)
        self._waits_for = why
        await self._clock.sleep_ms(min(_AGAIN_MS, self._left_ms()))

    async def _wait(self, condition: "Callable[[], bool]", limit_ms: int | None, why: str) -> None:
        """Wait until `condition()` holds, at most `limit_ms`. Raise OSError with `why` if the time is over."""
        left_ms = self._left_ms() if limit_ms is None else self._at_most(limit_ms)
        begun_ms = self._clock.ticks_ms()
        while not condition():
            if self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms) >= left_ms:
                raise OSError(why)
            await self._clock.sleep_ms(_LOOK_MS)

    def _left_ms(self) -> int:
        return max(0, self._clock.ticks_diff(self._end_ms, self._clock.ticks_ms()))

    def _at_most(self, limit_ms: int) -> int:
        """Return `limit_ms`, or less if less time is left."""
        return min(limit_ms, self._left_ms())


def _value(lines: list, prefix: str) -> str:
    """Return the text behind `prefix` in the first line that begins with it, else nothing."""
    for line in lines:
        if line.startswith(prefix):
            return line[len(prefix) :].strip()
    return ""


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
