"""The tap at a room reader: the meter's image and the room reader's on two emulated chips, joined by their line.

The meter, with the image for a room reader, serves cards at its own reader first, as in `tap`. Then it is paired, and
serves them in the room. A tap begins with the request that the card answers. At the meter it ends when the last answer
is fetched that proves the statement written; in the room it ends when the meter has received the room reader's word for
that. Each value is the median. The line brings a byte up to one byte late, so the ratio is on the safe side.
"""

from statistics import median

from boards.host.cards.field import Reception
from boards.host.chips.mfrc522_radio import reader_frame_us
from wattpurse.cards.iso14443 import HLTA, REQA
from wattpurse_tools.bench.meter import PIN, BenchMeter, Measured, Workshop
from wattpurse_tools.bench.tap import tap_once
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.room import SLICE_US, EmulatedRoom, JoinedBoards

TAPS = 5

_LOAD_W = 1_000
_QUIET_SLICE_US = 400
_SETTLE_S = 1.5
_PHASE_S = 0.017
_CARD_STAYS_S = 1.2
_BOOT_S = 2
_IDLE_S = 3
_FRAME_BITS = 7


def room_taps(workshop: Workshop) -> Measured:
    """Measure taps at the meter and in the room, and the time asleep of a meter with a room reader."""
    image = build_image("--role", "room_reader") / PROGRAM
    workshop = Workshop(workshop.folder / "room", build_image("--room") / PROGRAM)
    workshop.folder.mkdir(exist_ok=True)
    with workshop.meter("room") as meter, EmulatedRoom(workshop.folder / "room-reader.bin", image) as room:
        meter.start()
        meter.source.set_load_w(_LOAD_W)
        near = [tap_once(meter, _pause_s(number)).whole().total_ms for number in range(TAPS)]
        pair = JoinedBoards(meter, room)
        pair.slice_us = _QUIET_SLICE_US
        _pair(meter, room)
        idle_percent = _idle_percent(meter)
        pair.slice_us = SLICE_US
        far = [_tap(meter, room, pair, _pause_s(number)) for number in range(TAPS)]
        troubles = pair.violations() + room.violations() + meter.violations()
    if troubles:
        raise ValueError("the line or a chip was misused: " + troubles[0])
    near_ms, far_ms = median(near), median(far)
    values = {"room_tap_ms": far_ms, "room_tap_ratio": far_ms / near_ms, "idle_room_percent": idle_percent}
    lines = [f"A tap, the median of {TAPS}: {far_ms:.2f} ms in the room, {near_ms:.2f} ms at the meter itself"]
    return values, [
        *lines,
        f"The longest of them: {max(far):.2f} ms in the room, {max(near):.2f} ms at the meter itself",
    ]


def _pause_s(number: int) -> float:
    """Return the time before a tap: each one meets another moment of the meter's other work."""
    return _SETTLE_S + number * _PHASE_S


def _pair(meter: BenchMeter, room: EmulatedRoom) -> None:
    """Start the board in the room and pair it, as a technician does. Raise ValueError if the meter refuses."""
    room.power_up()
    meter.run_for(_BOOT_S)
    meter.type_line("login " + PIN)
    answer = meter.type_line("reader room")
    if not answer[0].startswith("paired"):
        raise ValueError(answer[0])
    meter.type_line("logout")
    meter.run_for(_SETTLE_S)


def _idle_percent(meter: BenchMeter) -> float:
    before = meter.pico.statistics()
    meter.run_for(_IDLE_S)
    after = meter.pico.statistics()
    return 100 * (after["idle_ns"] - before["idle_ns"]) / (after["now_ns"] - before["now_ns"])


def _tap(meter: BenchMeter, room: EmulatedRoom, pair: JoinedBoards, pause_s: float) -> float:
    """Redeem one credit from a new card in the room. Return the milliseconds of the tap."""
    card = meter.card(meter.token())
    meter.run_for(pause_s)
    bought_before = meter.account().money.bought
    frames: list[tuple[int, bytes, bool]] = []
    transmit = room.reader.field.transmit

    def observe(data: bytes, bits: int, session: object) -> Reception | None:
        answer = transmit(data, bits, session)
        frames.append((room.clock.now_us, bytes(data), answer is not None))
        return answer

    room.reader.field.transmit = observe
    sent_before = len(pair.room_end.sent)
    room.reader.field.insert(card)
    meter.run_for(_CARD_STAYS_S)
    room.reader.field.remove(card)
    room.reader.field.transmit = transmit
    if meter.account().money.bought == bought_before:
        raise ValueError("the card in the room brought no credit")
    return _tap_ms(frames, pair.room_end.sent[sent_before:])


def _tap_ms(frames: list[tuple[int, bytes, bool]], sent: list[tuple[int, int]]) -> float:
    """Return the time from the request that was answered to the last byte before the card is put to sleep."""
    begin = next(place for place, (_, data, is_answered) in enumerate(frames) if data == REQA and is_answered)
    halt_us = next(time_us for time_us, data, _ in frames[begin:] if data[:2] == HLTA)
    end_us = max(time_us for time_us, _ in sent if time_us < halt_us)
    return (end_us - frames[begin][0] + reader_frame_us(_FRAME_BITS)) / 1000
