"""Some days of a meter's life, printed line by line. At the end every micro-unit is accounted for.

Only the chips are simulated: the meter's program, the vending command and the tariff are real. Each chapter has a limit
of simulated time. An event that does not happen, or a sum that does not add up, ends the story with exit status 1.
"""

import os

from boards.host import files
from boards.host.cards.folder import CardFolder
from boards.host.world.commissioning import CARD, CARD_KIND, METER_NUMBER, commission
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import QUIET_LATENESS_MS, World
from wattpurse.app import Meter
from wattpurse.core.currency import decimal_text
from wattpurse.core.money import warning
from wattpurse.core.tariffs.calendar import DAY_S, weekday
from wattpurse.core.text import clock_text, date_text, kwh_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.currency import Currency
    from wattpurse.core.money.account import Account


LOST_BY_A_CUT_MWH = 1_000

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOUR_S = 3600
_TAP_LIMIT_S = 5
_CUT_AFTER_MS = 40
_TORN_CREDIT = "7.50"
_DIGITS = 6
_FRAMES_TO_FIND_A_CARD = 3
_SEED = 1


class UnexpectedCourse(Exception):
    """Raised if an expected event did not happen."""


def tell(write: "Callable[[str], object]" = print) -> int:
    """Tell the story in a new folder, remove the folder, and return the exit status."""
    folder = "build/story-" + os.urandom(6).hex()
    files.make_folder(folder)
    try:
        Story(folder, write).tell()
    except (UnexpectedCourse, OSError, ValueError) as failure:
        write(f"The story went wrong: {failure}")
        return 1
    finally:
        files.remove_folder(folder)
    return 0


class Story:
    """The story in `folder`. Each line goes to `write`."""

    def __init__(self, folder: str, write: "Callable[[str], object]") -> None:
        self._write = write
        self._world = World(Meter, seed=_SEED)
        self._cards = CardFolder(folder + "/cards")
        self._desk = VendingDesk(folder + "/office", folder + "/cards", folder)
        self._sold_microunits = 0
        self._beeps = 0
        self._frames_before = 0
        self._energy_at_start_mwh = 0
        self._world.hardware.buzzer_wire.listen(self._count_beep)

    def tell(self) -> None:
        """Tell all chapters. Raises UnexpectedCourse."""
        self._commission()
        self._live_on_the_first_credit()
        self._run_out_of_credit()
        self._top_up_at_the_vending_command()
        self._lose_power_in_the_middle_of_a_tap()
        self._lose_power_at_night()
        self._read_the_statement()
        self._account_for_everything()

    def _commission(self) -> None:
        self._expect("the meter starts", lambda: self._world.meter is not None, 1)
        self._say("a new meter gets power; it has no ledger and gives no supply")
        commission(self._world, self._desk)
        self._energy_at_start_mwh = self._world.hardware.source.energy_mwh
        self._say(f"a technician commissions it at the service console as meter {METER_NUMBER}, prepaid money")
        self._desk.new_card(CARD, CARD_KIND, METER_NUMBER)
        self._sell("5.00")

    def _live_on_the_first_credit(self) -> None:
        self._tap("supply closes", lambda: self._world.hardware.relay.contact_closed)
        self._quiet()
        for _ in range(3):
            self._expect_until_low("midnight", self._midnight_has_passed(), DAY_S)
            if self._is_low():
                break
            self._tell_day()
        self._beeps = 0
        self._expect("the low-credit warning", self._is_low, 3 * DAY_S)
        self._expect("the warning sounds, after the quiet hours", lambda: self._beeps >= 3, 11 * _HOUR_S)
        display = self._world.hardware.display
        self._attend()
        self._expect("a dark display", lambda: not any(display.segments()), 2)
        self._expect("a lit display", lambda: any(display.segments()), 2)
        self._say(f"low-credit warning: {self._credit()} left, the display blinks and the buzzer sounds")
        self._quiet()

    def _run_out_of_credit(self) -> None:
        self._expect("supply opens", lambda: not self._world.hardware.relay.contact_closed, 2 * DAY_S)
        self._attend()
        if self._account().money.balance > 0:
            raise UnexpectedCourse("supply opened with credit left")
        self._say(f"credit is spent ({self._credit()}): supply opens, the house is dark")
        energy_mwh = self._world.hardware.source.energy_mwh
        self._world.run_for(40 * 60)
        if self._world.hardware.source.energy_mwh != energy_mwh:
            raise UnexpectedCourse("energy flowed though supply was open")

    def _top_up_at_the_vending_command(self) -> None:
        self._sell("10.00")
        self._tap("supply closes", lambda: self._world.hardware.relay.contact_closed)
        self._quiet()
        self._world.run_for(5 * _HOUR_S)

    def _lose_power_in_the_middle_of_a_tap(self) -> None:
        self._sell(_TORN_CREDIT)
        self._attend()
        self._insert()
        self._expect("the reader finds the card", lambda: self._frames() > _FRAMES_TO_FIND_A_CARD, _TAP_LIMIT_S)
        self._world.cut_mains(self._world.clock.now_us + _CUT_AFTER_MS * 1000)
        self._expect("the power cut", lambda: not self._world.mains_on, 1)
        self._say("the mains fail in the middle of a tap; the card is taken away")
        self._take_away()
        self._world.run_for(25 * 60)
        self._restore_mains()
        self._say(f"the mains are back: the meter knows its credit, {self._credit()}")
        self._insert()
        self._expect("the statement of the torn tap", self._card_is_written, _TAP_LIMIT_S)
        self._world.run_for(2)
        self._take_away()
        bought = self._account().money.bought
        if bought != self._sold_microunits:
            raise UnexpectedCourse(f"{self._sold_microunits} micro-units were sold, {bought} count")
        self._say(f"the same card is tapped again: its credit counts once, credit is {self._credit()}")

    def _lose_power_at_night(self) -> None:
        self._quiet()
        self._expect("midnight", self._midnight_has_passed(), DAY_S)
        self._tell_day()
        self._world.run_for(3 * _HOUR_S + 1234)
        self._attend()
        self._world.run_for(10)
        self._world.cut_mains(self._world.clock.now_us + 123_457)
        self._expect("the power cut", lambda: not self._world.mains_on, 1)
        self._say("the mains fail while the house sleeps")
        self._world.run_for(2 * _HOUR_S)
        self._restore_mains()
        unrecorded_mwh = self._unrecorded_mwh()
        if not 0 <= unrecorded_mwh <= self._world.power_cuts * LOST_BY_A_CUT_MWH:
            raise UnexpectedCourse(f"{unrecorded_mwh} mWh are not recorded after {self._world.power_cuts} power cuts")
        behind = kwh_text(unrecorded_mwh, _DIGITS)
        self._say(f"the mains are back: the register is {behind} kWh behind the truth, credit is {self._credit()}")
        self._quiet()
        self._world.run_for(6 * _HOUR_S)

    def _read_the_statement(self) -> None:
        self._tap("a statement on the card", self._card_is_written)
        statement = self._desk.read(CARD)["statement"]
        account = self._account()
        if statement is None or statement["bought"] != account.money.bought:
            raise UnexpectedCourse("the statement on the card is not that of the meter")
        if statement["balance"] != statement["bought"] - statement["charged"]:
            raise UnexpectedCourse("the statement does not add up")
        balance = decimal_text(statement["balance"], _DIGITS)
        self._say(
            f"the card tells the station: balance {balance} {self._currency().code},"
            f" {kwh_text(statement['total_mwh'], 3)} kWh, statement number {statement['number']}"
        )

    def _account_for_everything(self) -> None:
        """Restart the meter and check the account that it recovers from flash."""
        self._world.reset_board()
        self._world.run_for(2)
        if self._world.hardware.violations():
            raise UnexpectedCourse("a chip was mistreated: " + "; ".join(self._world.hardware.violations()))
        money = self._account().money
        if money.bought != self._sold_microunits:
            raise UnexpectedCourse(f"{self._sold_microunits} micro-units were sold, {money.bought} were bought")
        if money.bought != money.charged + money.balance or money.charged != self._charged_by_month():
            raise UnexpectedCourse("bought, charged and balance do not add up")
        self._write(
            f"bought {decimal_text(money.bought, _DIGITS)} = charged {decimal_text(money.charged, _DIGITS)}"
            f" + balance {decimal_text(money.balance, _DIGITS)} {self._currency().code}, exactly"
        )

    def _charged_by_month(self) -> int:
        registers = self._account().registers
        return sum(month.charge_microunits for month in [registers.month] + registers.closed_months)

    def _sell(self, amount: str) -> None:
        whole, _, cents = amount.partition(".")
        self._sold_microunits += int(whole) * 1_000_000 + int(cents) * 10_000
        self._say("vending station: " + self._desk.top_up(CARD, amount))

    def _tap(self, what: str, condition: "Callable[[], object]") -> None:
        """Bring the card, wait for the condition, and take the card away."""
        self._attend()
        self._insert()
        self._expect(what, condition, _TAP_LIMIT_S)
        self._world.run_for(2)
        self._take_away()
        self._say(f"the card is tapped: {what}, credit is {self._credit()}")

    def _insert(self) -> None:
        self._frames_before = self._world.reader.statistics.frames
        self._world.insert(self._cards.take(CARD))

    def _frames(self) -> int:
        return self._world.reader.statistics.frames - self._frames_before

    def _take_away(self) -> None:
        self._world.remove()
        self._cards.put_back()
        self._world.run_for(2)

    def _restore_mains(self) -> None:
        self._world.restore_mains()
        self._expect("the meter starts again", lambda: self._world.account is not None, 5)
        self._world.run_for(3)

    def _unrecorded_mwh(self) -> int:
        flowed_mwh = self._world.hardware.source.energy_mwh - self._energy_at_start_mwh
        return flowed_mwh - self._account().registers.total_mwh

    def _quiet(self) -> None:
        """Let time pass in larger steps: nobody acts."""
        self._world.allow_lateness(QUIET_LATENESS_MS)

    def _attend(self) -> None:
        """Let time pass in exact steps: somebody acts."""
        self._world.allow_lateness(0)
        self._world.run_for(2)

    def _expect(self, what: str, condition: "Callable[[], object]", limit_s: int | float) -> None:
        if not self._world.run_until(condition, limit_s):
            raise UnexpectedCourse(f"{what} did not come within {limit_s} s, by {self._time()}")

    def _expect_until_low(self, what: str, condition: "Callable[[], object]", limit_s: int | float) -> None:
        self._expect(what, lambda: condition() or self._is_low(), limit_s)

    def _midnight_has_passed(self) -> "Callable[[], bool]":
        day = self._local_s() // DAY_S
        return lambda: self._local_s() // DAY_S > day

    def _is_low(self) -> bool:
        return self._meter().supply_desk.warning_grade() != warning.NONE

    def _count_beep(self, level: int) -> None:
        self._beeps += level

    def _tell_day(self) -> None:
        total_mwh = self._account().registers.total_mwh
        self._say(f"midnight: {kwh_text(total_mwh, 3)} kWh since commissioning, credit is {self._credit()}")

    def _credit(self) -> str:
        return self._currency().text(self._account().money.balance)

    def _currency(self) -> "Currency":
        tariff = self._account().tariff
        if tariff is None:
            raise UnexpectedCourse("the meter has no tariff")
        return tariff.currency

    def _account(self) -> "Account":
        if self._world.account is None:
            raise UnexpectedCourse("the meter has no account")
        return self._world.account

    def _meter(self) -> "Meter":
        if self._world.meter is None:
            raise UnexpectedCourse("the meter has no power")
        return self._world.meter

    def _card_is_written(self) -> bool:
        card = self._cards.card
        return card is not None and card.writes > 0

    def _local_s(self) -> int:
        return self._world.zone.local_s(self._world.now_s())

    def _time(self) -> str:
        day, second = self._local_s() // DAY_S, self._local_s() % DAY_S
        return f"{_WEEKDAYS[weekday(day)]} {date_text(day)} {clock_text(second // 60)}:{second % 60:02d}"

    def _say(self, text: str) -> None:
        self._write(f"{self._time()}  {text}")
