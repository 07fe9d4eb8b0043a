"""Figures of the event loop and the heap.

idle_percent counts the core's sleep from outside. All other figures run the meter from the raw REPL of a chip after a
soft reset, with a probe beside it:

poll_empty_cpu_ms: the frozen card desk alone looks for a card, again and again, without other tasks. The figure is the
time that the core was awake, divided by the number of looks.
loop_block_max_ms: a wrapper of the loop's `wait_io_event` times each step of each task, from the end of one wait to the
begin of the next. Erases are timed at the flash driver and subtracted. The events of a busy hour (taps of all sorts,
every console report, changes, a full load) happen within `BUSY_MINUTES`, after the start is over; garbage is collected
many times meanwhile. A collection cannot be split. A second run collects garbage between the steps instead: it gives
the length of the steps without collections, which is reported beside the figure.
heap_free_boot_kb: `gc.mem_free()` after a collection, three seconds after the start.
heap_growth_day_bytes: a day of virtual time, midnight and changes of rate included, with a tap and console lines each
hour. Every task has a longer period (`STRETCHED`), so that the run ends; each task still runs thousands of times, so a
leak of any task shows. A large integer takes more memory than a small one, so the meter has history: its window of
tokens is full, and its sums do not fit into one word. Two effects make the heap vary from hour to hour: a remainder of
money may fit into one word or not, and a collection keeps memory that an integer happens to point at. For that reason
the heap in use is the smallest of ten collections in each hour, and the growth is from the median of the day's first
half to the median of its second half. The first hour, in which permanent buffers are made, is left out.
`tests/stories/test_memory_properties.py` counts the objects of a meter over more days: in the first week each midnight
adds the record of a day.
"""

from statistics import median_low

from boards.host.cards.iso14443a import Card
from wattpurse_tools.bench.meter import AMPS_100_W, PIN, BenchMeter, Measured, Workshop

BUSY_MINUTES = 6
HOURS = 24
STRETCHED = """
from wattpurse import supervisor
from wattpurse.drivers import button
from wattpurse.services import card_desk, display, guard, metering, supply_watch, switching
metering.PERIOD_MS = switching.PERIOD_MS = 20_000
supervisor.PERIOD_MS = 5_000
supervisor.HEARTBEAT_LIMIT_MS = 60_000
card_desk.PERIOD_MS = 30_000
display._POLL_MS = 20_000
guard.SAMPLE_MS = 10_000
supply_watch.PERIOD_MS = 20_000
display.SAMPLE_MS = button.SAMPLE_MS = 10_000
"""

_IDLE_S = 60
_KEY_CARD_PRICE = 300_000
_LOOKS = 40
_LOOK_PAUSE_MS = 100
_BOOT_S = 3
_SETTLE_S = 4
_CARD_STAYS_S = 2
_LONG_STAY_S = 70
_WAITS_PER_COLLECTION = 60
_LONG_PRESS_MS = 25_000
_LOOKS_AN_HOUR = 10
_BETWEEN_LOOKS_MS = 61_000
_TOKENS_BEFORE = 70
_AMOUNT_BEFORE = 100_000_000
_REPORTS = ("status", "registers", "months", "events", "tariff", "contract", "clock", "terms", "keys", "help")

METER = """
import asyncio, gc, time
from board import build_board
from wattpurse.app import Meter
"""

_DESK_ALONE = f"""{METER}
async def main():
    meter = Meter(build_board())
    meter.start()
    await meter.card_desk.serve_one_look()
    meter.board.rest(True)  # the meter collects between looks, so no look pays for the garbage of the start
    await asyncio.sleep_ms(1000)
    for _ in range({_LOOKS}):
        await meter.card_desk.serve_one_look()
        await asyncio.sleep_ms({_LOOK_PAUSE_MS})
    await asyncio.sleep_ms(1_000_000)
asyncio.run(main())
"""

_HEAP = f"""{METER}
found = []
async def main():
    asyncio.create_task(Meter(build_board()).run())
    await asyncio.sleep_ms({_BOOT_S * 1000})
    gc.collect()
    found.append(gc.mem_free())
    await asyncio.sleep_ms(1_000_000)
asyncio.run(main())
"""

STEPS = f"""{METER}
from asyncio import core
from boards.micropython import chip_board
tasks = ["metering", "switching", "guard", "supply watch", "clock", "display", "console", "console rights"]
tasks.append("card reader")
names = {{}}
longest = {{}}
collections_us = [0]
waits = 0
begun_us = None
erased_us = 0
quiet_until = time.ticks_add(time.ticks_ms(), {_BOOT_S * 1000})
wait = core._io_queue.wait_io_event
create = asyncio.create_task
board = build_board()
erase = board.flash.erase
class Collector:
    def collect(self):
        if COLLECTS_IN_STEPS:
            begin_us = time.ticks_us()
            gc.collect()
            collections_us[0] = max(collections_us[0], time.ticks_diff(time.ticks_us(), begin_us))
chip_board.gc = Collector()
def timed_wait(patience_ms):
    global begun_us, erased_us, waits
    if begun_us is not None:
        took_us = time.ticks_diff(time.ticks_us(), begun_us) - erased_us
        if took_us > 1000 and time.ticks_diff(time.ticks_ms(), quiet_until) > 0:
            name = names.get(id(core.cur_task), "supervisor or a short-lived task")
            longest[name] = max(took_us, longest.get(name, 0))
    waits += 1
    if not COLLECTS_IN_STEPS and gc.isenabled() and time.ticks_diff(time.ticks_ms(), quiet_until) > 0:
        gc.disable()  # the start needs collections
    if not COLLECTS_IN_STEPS and waits % {_WAITS_PER_COLLECTION} == 0:
        gc.collect()
    wait(patience_ms)
    erased_us = 0
    begun_us = time.ticks_us()
def timed_erase(sector):
    global erased_us
    begin_us = time.ticks_us()
    erase(sector)
    erased_us += time.ticks_diff(time.ticks_us(), begin_us)
def named_task(coroutine):
    task = create(coroutine)
    if tasks:
        names[id(task)] = tasks.pop(0)
    return task
core._io_queue.wait_io_event = timed_wait
board.flash.erase = timed_erase
asyncio.create_task = named_task
asyncio.run(Meter(board).run())
"""

_DAY = f"""{METER}
from array import array
{STRETCHED}
in_use = array("i", range({HOURS + 1}))
async def main():
    asyncio.create_task(Meter(build_board()).run())
    for hour in range({HOURS + 1}):
        in_use[hour] = 1 << 30
        for _ in range({_LOOKS_AN_HOUR}):
            gc.collect()
            in_use[hour] = min(in_use[hour], gc.mem_alloc())
            await asyncio.sleep_ms({_BETWEEN_LOOKS_MS})
        await asyncio.sleep_ms({3_600_000 - _LOOKS_AN_HOUR * _BETWEEN_LOOKS_MS})
asyncio.run(main())
"""


def idle(workshop: Workshop) -> Measured:
    """Measure idle_percent."""
    with workshop.meter("idle") as meter:
        meter.start()
        meter.source.set_load_w(1_000)
        meter.run_for(_SETTLE_S)
        idle = 100 - awake_ms(meter, _IDLE_S) / (_IDLE_S * 10)
    return {"idle_percent": idle}, []


def idle_with_key_card(workshop: Workshop) -> Measured:
    """Measure idle_key_card_percent."""
    with workshop.meter("key card") as meter:
        meter.start()
        meter.type_line("login " + PIN)
        meter.type_line("contract set key-card")
        meter.source.set_load_w(1_000)
        meter.insert(meter.key_card(_KEY_CARD_PRICE))
        meter.run_for(_SETTLE_S)
        idle = 100 - awake_ms(meter, _IDLE_S) / (_IDLE_S * 10)
    return {"idle_key_card_percent": idle}, []


def look(workshop: Workshop) -> Measured:
    """Measure poll_empty_cpu_ms."""
    with workshop.meter("look") as meter:
        meter.start()
        meter.begin_probe(_DESK_ALONE)
        frames = meter.reader.statistics.frames
        meter.run_until(lambda: meter.reader.statistics.frames > frames, 5, 1000)
        meter.run_for(0.5)
        awake = awake_ms(meter, _LOOKS * _LOOK_PAUSE_MS * 2 / 1000)
    return {"poll_empty_cpu_ms": awake / _LOOKS}, []


def heap(workshop: Workshop) -> Measured:
    """Measure heap_free_boot_kb."""
    with workshop.meter("heap") as meter:
        meter.start()
        free = free_heap(meter)
    return {"heap_free_boot_kb": free / 1024}, []


def free_heap(meter: BenchMeter) -> int:
    """Return the bytes of heap that are free a few seconds after another start of a running meter."""
    meter.begin_probe(_HEAP)
    meter.run_for(_BOOT_S + 2)
    (free,) = meter.end_probe("found")
    return free


def longest_steps(workshop: Workshop) -> Measured:
    """Measure loop_block_max_ms."""
    longest_us, collection_us = _steps_of_a_busy_hour(workshop, True)
    without_us, _ = _steps_of_a_busy_hour(workshop, False)
    notes = ["Longest step of each task without its erases, with and without collections:"]
    notes += step_lines(longest_us, without_us, collection_us)
    return {"loop_block_max_ms": max(longest_us.values()) / 1000}, notes


def step_lines(longest_us: dict[str, int], without_us: dict[str, int], collection_us: int) -> list[str]:
    """Return a line for each task: its longest step with and without collections. The last line has the collection."""
    lines = []
    for name, us in sorted(longest_us.items(), key=lambda one: -one[1]):
        lines.append(f"{us / 1000:8.2f} {without_us.get(name, 0) / 1000:8.2f} ms {name}")
    return [*lines, f"{collection_us / 1000:8.2f} ms the longest collection between two looks for cards"]


def _steps_of_a_busy_hour(workshop: Workshop, collects_in_steps: bool) -> tuple[dict[str, int], int]:
    """Return the longest step of each task and the longest collection begun by the meter itself, in microseconds."""
    with workshop.meter("steps") as meter:
        meter.start()
        meter.begin_probe(f"COLLECTS_IN_STEPS = {collects_in_steps}\n{STEPS}")
        meter.run_for(_BOOT_S + 1)
        meter.source.set_load_w(AMPS_100_W)
        meter.type_line("login " + PIN)
        for minute in range(BUSY_MINUTES):
            end_us = meter.clock.now_us + 60_000_000
            kind = ("classic-1k", "ntag215")[minute % 2]
            _tap(meter, meter.card(meter.token(), meter.token(), kind=kind))
            for report in _REPORTS:
                meter.type_line(report)
            meter.type_line("registers --json")
            meter.type_line("token " + meter.token().hex())
            meter.type_line(f"terms set low_credit_microunits {3_000_000 + minute}")
            meter.press()
            meter.run_for((end_us - meter.clock.now_us) / 1_000_000)
        return meter.end_probe("(longest, collections_us[0])")


def heap_over_a_day(workshop: Workshop) -> Measured:
    """Measure heap_growth_day_bytes."""
    with workshop.meter("day") as meter:
        meter.start()
        meter.source.set_load_w(1_000)
        for _ in range(_TOKENS_BEFORE):
            meter.type_line("token " + meter.token(_AMOUNT_BEFORE).hex())
        meter.begin_probe(_DAY)
        meter.run_for(60)
        for _ in range(HOURS):
            end_us = meter.clock.now_us + 3_600_000_000
            _tap(meter, meter.card(meter.token()), _LONG_STAY_S)
            for report in ("status", "registers", "months --json"):
                meter.type_line(report)
            meter.press(_LONG_PRESS_MS)
            meter.run_for((end_us - meter.clock.now_us) / 1_000_000)
        in_use = meter.end_probe("list(in_use)")[:HOURS]
    growth = median_low(in_use[HOURS // 2 :]) - median_low(in_use[1 : HOURS // 2])
    return {"heap_growth_day_bytes": growth}, ["Heap in use each hour of the day: " + " ".join(map(str, in_use))]


def awake_ms(meter: BenchMeter, duration_s: float) -> float:
    """Run the meter for `duration_s`. Return the milliseconds in which the core was awake."""
    before = meter.pico.statistics()
    meter.run_for(duration_s)
    after = meter.pico.statistics()
    return (after["now_ns"] - before["now_ns"] - after["idle_ns"] + before["idle_ns"]) / 1e6


def _tap(meter: BenchMeter, card: Card, stay_s: float = _CARD_STAYS_S) -> None:
    meter.insert(card)
    meter.run_for(stay_s)
    meter.remove(card)
    meter.run_for(stay_s)
