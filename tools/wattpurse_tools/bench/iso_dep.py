"""The time of a card of ISO/IEC 14443-4, on the real reader driver of a meter that has just started.

A probe runs reader and ISO-DEP alone, as `loop` runs the card desk. The card takes no time for its commands. A visit is
selection, RATS and three commands: two of 16 bytes, answered by 16, and one of 60 bytes, answered by 60. The time on
the air is computed as in `tap`; the guard time behind the ATS counts as time on the air, because no reader may send in
it. The cost of the heap is that of the import, and of one card that is activated.
"""

from boards.host.cards.iso_dep import EV1_ATS, IsoDepCard
from wattpurse_tools.bench.meter import Measured, Workshop
from wattpurse_tools.bench.tap import Breakdown, Tap, TapObserver, median

_VISITS = 7
_UID = b"\x04\x57\x50\x31\x32\x33\x34"
_SHORT = 16
_LONG = 60
_VISIT_S = 0.1
# SFGI 1 of the ATS: twice 4,096 carrier periods.
_GUARD_US = 604
_I_BLOCKS = (0x02, 0x03)

_PROBE = f"""
import asyncio, gc
from board import build_board
heap = [0, 0, 0]
failures = []
async def visit(reader, clock, iso_dep):
    identity = await reader.find_card()
    card = await iso_dep.activate(reader, identity, clock)
    for length in ({_SHORT}, {_SHORT}, {_LONG}):
        command = bytes(length)
        if await card.transceive(command) != command:
            failures.append(length)
    await card.deselect()
    await reader.halt()
    return card
async def main():
    board = build_board()
    reader = board.reader
    await reader.start()
    reader.power_down()
    gc.collect()
    heap[0] = gc.mem_alloc()
    from wattpurse.cards import iso_dep
    gc.collect()
    heap[1] = gc.mem_alloc()
    for _ in range({_VISITS}):
        await reader.power_up()
        gc.collect()
        card = await visit(reader, board.clock, iso_dep)
        reader.power_down()
        await asyncio.sleep_ms({int(_VISIT_S * 500)})
    gc.collect()
    heap[2] = gc.mem_alloc()
    await asyncio.sleep_ms(1_000_000)
asyncio.run(main())
"""


def visits(workshop: Workshop) -> Measured:
    """Measure selection, activation and the first commands of a card. Each value is the median of several visits."""
    with workshop.meter("iso-dep") as meter:
        meter.start()
        meter.insert(IsoDepCard(_UID, bytes, EV1_ATS))
        observer = TapObserver(meter)
        meter.begin_probe(_PROBE)
        meter.run_for(1 + _VISITS * _VISIT_S)
        observer.end()
        failures, heap = meter.end_probe("(failures, heap)")
    if failures:
        raise ValueError(f"wrong answers to commands of {failures} bytes")
    seen = observer.taps()[-_VISITS:]
    first = median([_first_command(tap) for tap in seen])
    short, long = median([_exchange(tap, 1) for tap in seen]), median([_exchange(tap, 2) for tap in seen])
    values = {
        "iso_dep_first_ms": first.total_ms,
        "iso_dep_first_rf_ratio": first.total_ms / first.radio_ms,
        "iso_dep_16_ms": short.total_ms,
        "iso_dep_16_rf_ratio": short.total_ms / short.radio_ms,
        "iso_dep_60_ms": long.total_ms,
        "iso_dep_60_rf_ratio": long.total_ms / long.radio_ms,
        "iso_dep_heap_bytes": heap[2] - heap[0],
    }
    notes = ["A card of ISO/IEC 14443-4, from REQA to the answer to a first command of 16 bytes:"] + first.lines()
    notes += ["One exchange of 16 bytes each way:"] + short.lines()
    notes += ["One exchange of 60 bytes each way:"] + long.lines()
    return values, notes + [f"Heap: {heap[1] - heap[0]} bytes for the module, {heap[2] - heap[1]} for a card."]


def _first_command(tap: Tap) -> Breakdown:
    """Return the time from the request to the answer to the first command."""
    return tap.part(0, _places(tap, _I_BLOCKS)[0], _GUARD_US)


def _exchange(tap: Tap, number: int) -> Breakdown:
    """Return the time of one exchange, from the end of the one before it."""
    place = _places(tap, _I_BLOCKS)[number]
    return tap.part(place, place)


def _places(tap: Tap, heads: tuple[int, ...]) -> list[int]:
    return [place for place, frame in enumerate(tap.frames) if frame.data[0] in heads]
