"""Rights to change things at the console: the PIN, the delay after wrong ones, the rights that a service card gives.

Every attempt is counted in flash before the PIN is compared (see `services.attempts`). An attacker that reads the flash
finds the keys beside the PIN anyway. The PIN is stored as a check value, because people use PINs elsewhere too and it
must not be readable by accident.
"""

from wattpurse.core import carrier
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.core.seals.cmac import cmac, equal
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.services.attempts import Attempts

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

SILENCE_MS = 10 * 60_000
RIGHTS_EVERY_MS = 10_000

SALT_SIZE = 16
_CHECK_PURPOSE = b"console pin"


class _Span:
    """A stretch of time that has to end by itself.

    It is measured by the ticks, which no setting of the clock moves. They wrap within two weeks, so a day on the clock,
    or a clock set back, ends the span as well.
    """

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._length_ms = 0
        self._start_ms = 0
        self._start_s = 0

    @property
    def is_begun(self) -> bool:
        """True from its start until somebody saw that it is over."""
        return self._length_ms > 0

    def start(self, length_ms: int) -> None:
        """Start to last for `length_ms`."""
        self._length_ms = length_ms
        self._start_ms = self._meter.board.clock.ticks_ms()
        self._start_s = self._meter.timekeeper.now_s()

    def end(self) -> None:
        """End at once."""
        self._length_ms = 0

    def go_on(self) -> None:
        """Keep the rest of the time, after any setting of the clock."""
        clock = self._meter.board.clock
        elapsed_ms = clock.ticks_diff(clock.ticks_ms(), self._start_ms)
        self.start(max(0, self._length_ms - elapsed_ms))

    def lasts(self) -> bool:
        """Return True until the time is over. Once it is over it stays over."""
        clock = self._meter.board.clock
        elapsed_ms = clock.ticks_diff(clock.ticks_ms(), self._start_ms)
        elapsed_s = self._meter.timekeeper.now_s() - self._start_s
        if not (0 <= elapsed_ms < self._length_ms and 0 <= elapsed_s < DAY_S):
            self._length_ms = 0
        return self._length_ms > 0


class Login:
    """The rights at the console of `meter`."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._session = _Span(meter)
        self._grant = _Span(meter)
        self._attempts = Attempts(meter.settings, meter.timekeeper, meter.board.clock, "wrong_pins", "wrong_pin_s")

    def in_factory_state(self) -> bool:
        """Return True while nothing was ever set here: only then commissioning needs no PIN."""
        return self._meter.fault == supply.NOT_COMMISSIONED and not self._has_pin()

    def allows_changes(self) -> bool:
        """Return True while someone is logged in or a service card's rights last."""
        session_lasts = self._session.lasts()
        return self._grant.lasts() or session_lasts

    def grant(self, minutes: int) -> None:
        """Give a technician's rights for some minutes, without a PIN."""
        self._grant.start(minutes * 60_000)
        self.follow_rights()

    def line_answered(self, had_rights: bool) -> None:
        """Note activity: a login begins its silence anew, a service card's rights run on.

        `had_rights` is the result of `allows_changes` before the line, because the line may have set the clock.
        """
        if not had_rights:
            return
        if self._session.is_begun:
            self._session.start(SILENCE_MS)
        self._grant.go_on()

    def end(self) -> None:
        """End every right at once."""
        self._session.end()
        self._grant.end()
        self.follow_rights()

    def follow_rights(self) -> None:
        """Let Ctrl-C end the program while someone has the right to change the meter, and while no PIN protects it.

        One such byte, typed or a disturbance of the line, must not stop the metering of a commissioned meter.
        """
        self._meter.board.console.allow_interrupt(not self._has_pin() or self.allows_changes())

    async def run(self) -> None:
        """Follow the rights as they run out, for ever."""
        while True:
            self.follow_rights()
            await self._meter.board.clock.sleep_ms(RIGHTS_EVERY_MS)

    async def attempt(self, pin: str) -> None:
        """Log in. Raises ValueError, saying how long to wait, for a wrong PIN or one that comes too soon.

        The attempt is counted in flash before the PIN is compared. Other tasks run between the writes, but one attempt
        is finished before the next begins: otherwise several could be made before the first counts.
        """
        if not self._meter.settings.opened and self._meter.fault == supply.LEDGER_UNREADABLE:
            raise ValueError(
                "the settings and their PIN cannot be read: erase all flash and commission the meter again"
            )
        if not self._has_pin():
            raise ValueError("no PIN is set: commissioning the meter sets it")
        if self._attempts.is_under_way:
            raise ValueError("another login is being checked: try again")
        wait_s = self._attempts.wait_s()
        if wait_s > 0:
            raise ValueError(f"too soon after a wrong PIN: wait {wait_s} s")
        now_s = self._meter.timekeeper.now_s()
        if not await self._attempts.make(lambda: self._is_right(pin)):
            self._meter.events.note(events.LOGIN_REFUSED, carrier.CONSOLE, now_s)
            raise ValueError(f"wrong PIN: the next attempt is possible in {self._attempts.delay_s} s")
        self._session.start(SILENCE_MS)
        self.follow_rights()
        await self._meter.board.clock.sleep_ms(0)
        self._meter.events.note(events.LOGIN, carrier.CONSOLE, now_s)

    def settings_of(self, pin: str) -> tuple:
        """Return the (name, value) pairs that make `pin` the PIN, for `Settings.set_all`."""
        salt = self._meter.board.random_bytes(SALT_SIZE)
        return (("pin_salt", salt), ("pin_check", self._check(salt, pin)))

    def _has_pin(self) -> bool:
        return self._meter.settings.get("pin_check") is not None

    def _is_right(self, pin: str) -> bool:
        settings = self._meter.settings
        return equal(self._check(settings.get("pin_salt"), pin), settings.get("pin_check"))

    def _check(self, salt: bytes, pin: str) -> bytes:
        return cmac(self._meter.board.aes, salt, _CHECK_PURPOSE + pin.encode())
