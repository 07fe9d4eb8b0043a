"""The wiring of the meter at the console: digit order and line speed of the display, keypad, clamps and readout head.

The commands of clamps and readout head are in modules of their own, which only a meter with them has in its memory.
"""

from wattpurse.core import carrier
from wattpurse.core.records import events
from wattpurse.drivers.led_display import (
    LONGEST_HALF_PERIOD_US,
    REVERSED,
    SHORTEST_HALF_PERIOD_US,
    STRAIGHT,
    SWAPPED,
    number_of,
)
from wattpurse.services.console import arguments as read
from wattpurse.services.console.reports import clamp_rows, pairs

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import ModuleType

    from wattpurse.app import Meter

ORDER_USAGE = "swapped|straight|reversed|DIGITS"
DELAY_USAGE = "MICROSECONDS"
KEYPAD_USAGE = "on|off"
TEST_MS = 10_000

_ORDERS = {"swapped": SWAPPED, "straight": STRAIGHT, "reversed": REVERSED}
_TEST_TEXT = "123456"


def test_display(meter: "Meter", arguments: list) -> str:
    """Show 123456 for ten seconds."""
    read.expect(arguments, "display test", 0)
    meter.display.show_text(_TEST_TEXT, TEST_MS)
    return (
        f"the display shows {_TEST_TEXT} for ten seconds\n"
        "if it shows the digits in another order, type 'display order' and the six digits as they are shown"
    )


def set_display_order(meter: "Meter", arguments: list) -> str:
    """Set the order of the digits: by a name, or by the six digits that the test shows."""
    read.expect(arguments, f"display order {ORDER_USAGE}, the DIGITS as 'display test' shows them", 1)
    order = _ORDERS.get(arguments[0]) or _order_seen(meter.board.display.digit_order, arguments[0])
    if not meter.settings.opened:
        raise ValueError("commission the meter first: the order is kept in its settings")
    number = number_of(order)
    meter.settings.set("display_order", number)
    meter.display.set_digit_order(order)
    meter.events.note(events.SETTING_CHANGED, carrier.CONSOLE, meter.timekeeper.now_s(), number)
    return test_display(meter, [])


def set_display_delay(meter: "Meter", arguments: list) -> str:
    """Set for how long each level of the display's clock line lasts."""
    read.expect(arguments, f"display delay {DELAY_USAGE}", 1)
    half_period_us = read.number(arguments[0], "MICROSECONDS", SHORTEST_HALF_PERIOD_US, LONGEST_HALF_PERIOD_US)
    if not meter.settings.opened:
        raise ValueError("commission the meter first: the delay is kept in its settings")
    meter.settings.set("display_delay_us", half_period_us)
    meter.display.set_half_period(half_period_us)
    meter.events.note(events.SETTING_CHANGED, carrier.CONSOLE, meter.timekeeper.now_s(), half_period_us)
    return test_display(meter, [])


def set_keypad(meter: "Meter", arguments: list) -> str:
    """Read a keypad from the next start on, or read none."""
    read.expect(arguments, f"keypad {KEYPAD_USAGE}", 1)
    if arguments[0] not in KEYPAD_USAGE.split("|"):
        raise ValueError(f"the keypad is {KEYPAD_USAGE}")
    if not meter.settings.opened:
        raise ValueError("commission the meter first: the keypad is kept in its settings")
    is_on = int(arguments[0] == "on")
    if is_on:
        _try_keypad(meter)
    meter.settings.set("keypad", is_on)
    meter.events.note(events.SETTING_CHANGED, carrier.CONSOLE, meter.timekeeper.now_s(), is_on)
    return f"the keypad is {arguments[0]} from the next start on: 'reboot'"


def _try_keypad(meter: "Meter") -> None:
    """Raise ValueError if the keypad does not answer."""
    try:
        keypad = meter.board.build_keypad()
        if keypad is None:
            raise ValueError("this board has no lines for a keypad")
        keypad.sample()
    except OSError:
        raise ValueError("the keypad's MCP23008 does not answer at address 0x20 of the clock's bus: check its wires")


def clamps(meter: "Meter", _arguments: list) -> dict:
    """Return the readings of the clamps."""
    module = _clamps_module(meter)
    return module.facts_of(meter.clamps)


def leg_energies(meter: "Meter") -> list:
    """Return the energy of each leg."""
    return _clamps_module(meter).energies_of(meter.clamps)


def clamps_text(facts: dict) -> str:
    """Return the readings of the clamps as text."""
    return pairs(clamp_rows(facts))


def measure_clamps(meter: "Meter", arguments: list) -> "Awaitable[str]":
    """Measure with the clamps, for a calibration."""
    return _clamps_module(meter).measure(meter, arguments)


def set_clamp_gain(meter: "Meter", arguments: list) -> str:
    """Set the gain of a leg."""
    return _clamps_module(meter).set_gain(meter, arguments)


def set_clamp_phase(meter: "Meter", arguments: list) -> str:
    """Set the phase of a leg."""
    return _clamps_module(meter).set_phase(meter, arguments)


def set_clamp_offset(meter: "Meter", arguments: list) -> str:
    """Set the offset of a leg."""
    return _clamps_module(meter).set_offset(meter, arguments)


def set_clamp_figure(meter: "Meter", arguments: list) -> str:
    """Set a figure of the clamps' installation."""
    return _clamps_module(meter).set_figure(meter, arguments)


def readout(meter: "Meter", _arguments: list) -> dict:
    """Return the state of the readout head."""
    return _readout_module().facts_of(meter)


def readout_text(facts: dict) -> str:
    """Return the state of the readout head as text."""
    return pairs(_readout_module().rows_of(facts))


def switch_readout_on(meter: "Meter", _arguments: list) -> str:
    """Let the readout head answer."""
    return _readout_module().switch(meter, True)


def switch_readout_off(meter: "Meter", _arguments: list) -> str:
    """Let the readout head fall silent."""
    return _readout_module().switch(meter, False)


def set_readout_address(meter: "Meter", arguments: list) -> str:
    """Set the device address of the readout head."""
    return _readout_module().set_address(meter, arguments)


def set_readout_password(meter: "Meter", arguments: list) -> str:
    """Set the password of the readout head."""
    return _readout_module().set_password(meter, arguments)


def _readout_module() -> "ModuleType":
    from wattpurse.services.console import readout as module

    return module


def _clamps_module(meter: "Meter") -> "ModuleType":
    if meter.clamps is None:
        raise ValueError("this meter counts pulses; 'calibrate ct' or 'calibrate chip' makes it measure")
    from wattpurse.services.console import clamps as module

    return module


def _order_seen(order: tuple, seen: str) -> tuple:
    """Return the right order, from the digits that the test text shows in the present `order`."""
    if sorted(seen) != list(_TEST_TEXT):
        names = ", ".join(sorted(_ORDERS))
        raise ValueError(f"the order is {names}, or the six digits that 'display test' shows, for example 321654")
    return tuple([seen.index(_TEST_TEXT[position]) for position in order])
