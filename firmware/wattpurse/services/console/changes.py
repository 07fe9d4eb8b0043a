"""Changes that the console makes to a meter in service.

Each change is durable, then noted in the event log, then confirmed. Every function takes the meter and the arguments
typed, and returns the answer. A refusal raises ValueError with the reason. Energy counted so far is charged first,
under the terms that held while it was used.
"""

from wattpurse.core import carrier, outcome
from wattpurse.core.guards import tamper
from wattpurse.core.money import clock_rules, contract, supply, terms
from wattpurse.core.money.ledger_records import TERMS
from wattpurse.core.records import events
from wattpurse.core.records.settings import PULSES
from wattpurse.core.tariffs.calendar import DAY_S, LATEST_S
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse.core.text import kwh_text, parse_time, time_text
from wattpurse.services import time_notes
from wattpurse.services.console import arguments as read
from wattpurse.services.console.facts import account_of, zone_of
from wattpurse.services.supply_watch import TEST_MINUTES
from wattpurse.services.timekeeping import EARLIEST_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.core.money.account import Account

TOKEN_USAGE = "HEX|DIGITS"
DIGITS = 20

_TERM_LIMIT = 10**18


def note(meter: "Meter", code: int, number: int = 0, extra: int = 0, by: int = carrier.CONSOLE) -> None:
    """Write into the event log that the console did something, or somebody with its rights."""
    meter.events.note(code, by, meter.timekeeper.now_s(), number, extra)


def set_tariff(meter: "Meter", arguments: list) -> str:
    """Take a table as the pending one. A table whose activation is past comes into force within a second."""
    read.expect(arguments, "tariff set HEX, as 'wattpurse tariff encode' gives it", 1)
    tariff = Tariff(read.hex_bytes(arguments[0], "the tariff table"))
    account = _settled(meter)
    if not account.is_newer_tariff(tariff):
        raise ValueError(f"the table has version {tariff.version}; it must be higher than {_newest_version(account)}")
    account.check_tariff(tariff)
    meter.ledger.change(lambda altered: setattr(altered, "pending_tariff", tariff))
    note(meter, events.TARIFF_SENT, tariff.version)
    if tariff.activation_s <= meter.timekeeper.now_s():
        return f"tariff version {tariff.version} takes over now: its activation is past"
    return f"tariff version {tariff.version} is pending until {time_text(tariff.activation_s, tariff.zone)}"


def set_contract(meter: "Meter", arguments: list) -> str:
    """Change the contract. Both credit registers stay unchanged."""
    read.expect(arguments, "contract set NAME", 1)
    chosen = contract.by_name(arguments[0])
    account = _settled(meter)
    former = account.contract
    if chosen is former:
        raise ValueError(f"the contract is {chosen.name} already")
    account.check_contract(chosen)
    meter.ledger.change(lambda altered: setattr(altered, "contract", chosen))
    note(meter, events.CONTRACT_CHANGED, chosen.code)
    return f"contract is {chosen.name}; the credit of {former.name} stays in the meter\n{_balances(meter)}"


def set_clock(meter: "Meter", arguments: list) -> str:
    """Set the clock of the meter and of its chip (see `core.money.clock_rules`).

    A time far ahead needs the word 'sure'.
    """
    read.expect(arguments, "clock set 2026-11-22T10:00:00+01:00 [sure]", 1, 2)
    utc_s = read_time(arguments[0])
    if meter.fault == supply.ON:
        chip_took_it = move_clock(meter, utc_s, arguments[1:] == ["sure"])
    else:
        chip_took_it = meter.timekeeper.set(utc_s)
    done = "the clock is " + time_text(utc_s, zone_of(meter))
    if chip_took_it:
        return done
    return done + "; but the clock chip does not answer or does not keep it, so it is lost when power fails"


def calibrate(meter: "Meter", arguments: list) -> str:
    """Change how many impulses are how many kWh, for the impulses from now on. 'ct' and 'chip' choose clamps."""
    read.expect(arguments, "calibrate IMPULSES[/KWH], ct or chip, for example 'calibrate 3200'", 1)
    if arguments[0] in ("ct", "chip"):
        return _choose_clamps(meter, arguments[0])
    impulses, per_kwh = read.calibration(arguments[0])
    _settled(meter)
    meter.ledger.change(lambda altered: altered.calibrate(impulses, per_kwh))
    if meter.clamps is not None:
        meter.settings.set("front_end", PULSES)
        meter.count_pulses()
    note(meter, events.CALIBRATED, impulses, per_kwh)
    return f"from now on {impulses} impulses are {per_kwh} kWh"


def _choose_clamps(meter: "Meter", name: str) -> str:
    """Measure with clamps from now on, by the board's converter or by its metering chip."""
    if meter.clamps is not None:
        raise ValueError("the clamps measure already; 'ct gain' and 'ct phase' calibrate them")
    from wattpurse.services.console import clamps

    _settled(meter)
    answer = clamps.choose(meter) if name == "ct" else clamps.choose_chip(meter)
    note(meter, events.CALIBRATED, meter.ledger.account.impulses, 1)
    return answer


def set_term(meter: "Meter", arguments: list) -> str:
    """Change one term of supply."""
    read.expect(arguments, "terms set NAME VALUE", 2)
    name = arguments[0]
    value = read.number(arguments[1], name, -_TERM_LIMIT, _TERM_LIMIT)
    _settled(meter)
    meter.ledger.set_number(TERMS, name, value, meter.timekeeper.now_s(), by=carrier.CONSOLE)
    note(meter, events.TERM_CHANGED, terms.names().index(name), value)
    return f"{name} is {value}"


def reset_tamper(meter: "Meter", arguments: list) -> str:
    """Clear a latched tamper."""
    read.expect(arguments, "reset-tamper", 0)
    account = account_of(meter)
    latched = meter.guard.latched
    if not latched:
        return "no tamper is latched"
    meter.settings.set("tamper", 0)
    note(meter, events.TAMPER_CLEARED, latched)
    again = tamper.to_latch(meter.guard.seen, 0, account.terms)
    if again:
        return "tamper is cleared, but latched again at once, because it lasts: " + ", ".join(tamper.texts(again))
    return "tamper is cleared; supply is decided without it"


async def redeem_token(meter: "Meter", arguments: list) -> str:
    """Redeem a token that was typed in: in hex, or its twenty digits. It is sealed, so its credit needs no login."""
    read.expect(arguments, f"token {TOKEN_USAGE}, the digits as on the receipt", 1, DIGITS)
    account_of(meter)
    if len(arguments) > 1 or len(arguments[0]) == DIGITS:
        result = await meter.digit_entry.enter(read.digits(arguments, DIGITS), carrier.CONSOLE)
    else:
        result = meter.teller.redeem(read.hex_bytes(arguments[0], "the token"), carrier.CONSOLE)
    if result == outcome.TOO_SOON:
        raise ValueError(f"{outcome.text(result)}: wait {meter.digit_entry.wait_s()} s")
    if result != outcome.ACCEPTED:
        raise ValueError("the token is not accepted: " + outcome.text(result))
    return "accepted\n" + _balances(meter)


def set_bluetooth(meter: "Meter", arguments: list) -> str:
    """Turn Bluetooth on or off."""
    read.expect(arguments, "bluetooth on|off", 1)
    account_of(meter)
    if arguments[0] not in ("on", "off"):
        raise ValueError("usage: bluetooth on|off")
    is_on = arguments[0] == "on"
    meter.turn_bluetooth(is_on)
    note(meter, events.BLUETOOTH_SET, int(is_on))
    if not is_on:
        return "Bluetooth is off"
    return f"Bluetooth is on: the meter is 'Wattpurse {meter.settings.get('meter_number')}' for phones in range"


async def test_relay(meter: "Meter", arguments: list) -> str:
    """Open the load switch for some seconds, then follow the supply decision again."""
    read.expect(arguments, "relay test", 0)
    moved = await meter.switching.test_relay()
    note(meter, events.RELAY_TEST, int(moved))
    if not moved:
        raise ValueError("the load switch did not take both pulses; see 'status' and 'events'")
    return "the load switch opened and closed; supply is decided as before"


def test_supply(meter: "Meter", arguments: list) -> str:
    """Keep supply on for some minutes with any credit, for a technician's measurements. Energy is charged as ever."""
    read.expect(arguments, "supply test MINUTES, 0 to end it", 1)
    minutes = read.number(arguments[0], "MINUTES", 0, TEST_MINUTES)
    account_of(meter)
    meter.supply_watch.test(minutes)
    note(meter, events.SUPPLY_TEST, minutes)
    if minutes == 0:
        return "the test is over; supply is decided as before"
    return f"supply stays on for {minutes} minutes or until power fails, unless a tamper or an order keeps it off"


def read_time(text: str) -> int:
    """Return a time that a clock may be set to. Raises ValueError for any other."""
    utc_s = parse_time(text)
    _refuse_other_years(utc_s)
    return utc_s


def _refuse_other_years(utc_s: int) -> None:
    if not EARLIEST_S <= utc_s <= LATEST_S:
        raise ValueError("the year must be 2026 to 2105")


def move_clock(meter: "Meter", utc_s: int, is_sure: bool, by: int = carrier.CONSOLE) -> bool:
    """Move the clock of a meter in service. Return False if the clock chip did not take the time.

    Raise ValueError if somebody with the PIN may not move it there.
    """
    _refuse_other_years(utc_s)
    account, now_s = _settled(meter), meter.timekeeper.now_s()
    is_trusted = meter.timekeeper.trusted
    counted_s = clock_rules.seconds_by_hand(account, now_s, utc_s, is_trusted, meter.ledger.recorded_s)
    meter.ledger.refuse_leap(utc_s)
    if utc_s - now_s > clock_rules.LEAP_S and not is_sure:
        days = (utc_s - now_s) // DAY_S
        raise ValueError(
            f"that is {days} days ahead, and each day is charged its standing charge: add 'sure' to confirm"
        )
    chip_took_it = time_notes.set_clock(meter.ledger, meter.timekeeper, utc_s, counted_s=counted_s)
    note(meter, events.CLOCK_SET, utc_s, now_s, by)
    return chip_took_it


def _settled(meter: "Meter") -> "Account":
    """Return the account, after everything counted so far was charged."""
    account_of(meter)
    meter.metering.step()
    return meter.ledger.account


def _newest_version(account: "Account") -> int:
    pending = account.pending_tariff
    return max(account.tariff.version, pending.version if pending is not None else 0)


def _balances(meter: "Meter") -> str:
    account = meter.ledger.account
    money = account.tariff.currency.text(account.money.balance)
    return f"money {money}, energy credit {kwh_text(account.energy.balance, 3)} kWh"
