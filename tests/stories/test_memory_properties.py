"""The memory of a meter does not grow with its days, its taps and the lines at its console.

On CPython every object can be counted: the objects that the meter and the firmware's modules refer to, their content,
and the integers that are too large for a small integer of MicroPython.
"""

import sys
import types

import pytest

from tests.stories.whole_meter import Station, commissioned_world, sealed_credit
from wattpurse import supervisor
from wattpurse.core.records.load_profile import WHOLE_DAYS
from wattpurse.drivers import button
from wattpurse.services import card_desk, display, guard, metering, supply_watch, switching

SMALL_INTEGERS = range(-(1 << 30), 1 << 30)
# Longer periods make the days of the test shorter: the objects that a task leaves behind do not depend on its period.
STRETCHED = (
    (metering, "PERIOD_MS", 20_000),
    (switching, "PERIOD_MS", 20_000),
    (supply_watch, "PERIOD_MS", 20_000),
    (card_desk, "PERIOD_MS", 5_000),
    (display, "_POLL_MS", 20_000),
    (display, "SAMPLE_MS", 10_000),
    (button, "SAMPLE_MS", 10_000),
    (guard, "SAMPLE_MS", 10_000),
    (supervisor, "PERIOD_MS", 5_000),
    (supervisor, "HEARTBEAT_LIMIT_MS", 60_000),
)
# After these the window of tokens is full, sums exceed a small integer, and the use of a whole week is known.
TOKENS_BEFORE = 70
DAYS_BEFORE = WHOLE_DAYS + 2
TAPS_A_DAY = 4
HOURS_BETWEEN_TAPS = 6


def held(meter) -> dict:
    """Measure each place of the memory, by its path: entries, bytes, attributes and large integers."""
    modules = [module for name, module in sys.modules.items() if name.startswith("wattpurse.")]
    to_see = [("", meter)]
    for module in modules:  # the names with `__` are of the import system and refer to the whole test run
        to_see += [(f"{module.__name__}.{name}", part) for name, part in vars(module).items() if name[:2] != "__"]
    seen, counts = set(), {}
    while to_see:
        path, one = to_see.pop()
        if isinstance(one, int):
            if one not in SMALL_INTEGERS:
                counts[path, "large integers"] = counts.get((path, "large integers"), 0) + 1
        elif id(one) not in seen and not _is_of_the_program(one):
            seen.add(id(one))
            parts = _parts_of(one)
            counts[path, type(one).__name__] = counts.get((path, type(one).__name__), 0) + len(parts)
            to_see += [(f"{path}.{name}", part) for name, part in parts]
    return counts


def _is_of_the_program(one):
    """Skip code, and the models of the world around the meter, which may keep a history."""
    fixed = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CoroutineType)
    room = type(one).__module__.partition(".")[0]
    return isinstance(one, fixed) or room in ("boards", "tests", "asyncio", "_asyncio")


def _parts_of(one):
    if isinstance(one, dict):
        return list(one.items())
    if isinstance(one, (list, tuple, set)):
        return [("item", part) for part in one]
    if isinstance(one, (bytes, bytearray, str)):
        return [("byte", None)] * len(one)
    if isinstance(one, types.MethodType):
        return [("self", one.__self__)]
    return list(getattr(one, "__dict__", {}).items())


def live_a_day(world, station, first_number):
    """Run taps and reports, evenly over the day."""
    for tap in range(TAPS_A_DAY):
        card = station.customer_card("classic-1k", sealed_credit(first_number + tap, 10_000_000))
        world.insert(card)
        world.run_for(10)
        world.remove(card)
        for report in ("status", "registers", "months --json", "events", "profile"):
            world.type_line(report)
        world.run_for(HOURS_BETWEEN_TAPS * 3600 - 10)


@pytest.fixture
def short_days(monkeypatch):
    for module, name, value in STRETCHED:
        monkeypatch.setattr(module, name, value)


def test_a_meter_that_lives_on_holds_no_more(short_days):
    world = commissioned_world(load_w=1_000)
    world.run_for(60)
    for number in range(1, TOKENS_BEFORE + 1):
        world.type_line("token " + sealed_credit(number, 100_000_000).hex())
    station, number = Station(), TOKENS_BEFORE + 1
    holds = []
    for _ in range(DAYS_BEFORE + 3):
        live_a_day(world, station, number)
        number += TAPS_A_DAY
        holds.append(held(world.meter))
    assert world.account.money.bought == TOKENS_BEFORE * 100_000_000 + len(holds) * TAPS_A_DAY * 10_000_000
    assert holds[0] != holds[1]  # a day more is known of
    assert holds[DAYS_BEFORE] == holds[DAYS_BEFORE + 1] == holds[DAYS_BEFORE + 2]
