"""The parts of the time of a tap, observed on the wires of the card reader, in the air and in the flash.

The time on the air is computed from the frames: a reader's frame, the 91 us until a card answers (ISO/IEC 14443-3,
6.2.1.1), any longer delay of the card, and its frame. SPI time is bytes times eight clocks. Flash time is the time that
erases and programs hold the processor. The rest of the time is Python while the core runs, and waiting while it sleeps.
"""

from boards.host.cards.field import Reception
from boards.host.chips.mfrc522_radio import card_frame_us, reader_frame_us
from wattpurse.cards.iso14443 import HLTA, REQA
from wattpurse_tools.bench.meter import BenchMeter, Measured, Workshop

TAPS = 7

_LOAD_W = 1_000
_SETTLE_S = 2
_CARD_STAYS_S = 1.5
_PHASE_S = 0.017
_CARD_DELAY_US = 91
_READ = 0x30
# Names by the first two bytes. All other frames before the first read are the chip's own part of the authentication.
_FRAMES = {REQA: "the request", b"\x93\x20": "anticollision", b"\x93\x70": "selection"}
_NO_GAP_MS = 0.01
_BLOCK_BITS = 18 * 8
_READER_HZ = 125_000_000 / 16  # the rate of the SPI if 8 MHz are set


class Frame:
    """One frame of the reader with its answer: `data`, `answer_bits`, `start_us` and `end_us` on the air."""

    def __init__(self, data: bytes, answer_bits: int, start_us: int, end_us: int) -> None:
        self.data = data
        self.answer_bits = answer_bits
        self.start_us = start_us
        self.end_us = end_us


class Moment:
    """The counters of the emulator at one moment, in microseconds, chip selects and bytes."""

    def __init__(self, meter: BenchMeter) -> None:
        statistics = meter.pico.statistics()
        self.time_us = statistics["now_ns"] / 1000
        self.idle_us = statistics["idle_ns"] / 1000
        self.flash_us = statistics["flash"]["busy_ns"] / 1000
        self.erases = statistics["flash"]["sector_erases"]
        self.page_programs = statistics["flash"]["page_programs"]
        self.spi_us = statistics["spi_bytes"] * 8e6 / _READER_HZ
        self.spi_bytes = statistics["spi_bytes"]
        self.chip_selects = meter.reader.statistics.chip_selects


class TapObserver:
    """The frames of the reader, and the counters at the end of each frame and at each release of the chip select."""

    def __init__(self, meter: BenchMeter) -> None:
        self.frames: list[Frame] = []
        self.moments: list[Moment] = []
        self._meter = meter
        self._transmit = meter.reader.field.transmit
        meter.reader.field.transmit = self._observe
        self._is_observing = True
        meter.reader_select_wire.listen(self._selected)

    def end(self) -> None:
        """Stop observing."""
        self._meter.reader.field.transmit = self._transmit
        self._is_observing = False

    def first_tap(self) -> "Tap":
        """Return the first of the taps. Raise ValueError if there is none."""
        taps = self.taps()
        if not taps:
            raise ValueError("no card answered, or the tap did not end")
        return taps[0]

    def taps(self) -> "list[Tap]":
        """Return all taps: each begins with an answered request, and ends before the card is put to sleep."""
        taps, frames = [], []
        for frame in self.frames:
            if frame.data == REQA:
                frames = [frame] if frame.answer_bits else []
            elif frames and frame.data[:2] == HLTA:
                taps.append(Tap(frames, self.moments))
                frames = []
            elif frames:
                frames.append(frame)
        return taps

    def _observe(self, data: bytes, bits: int, session: object) -> Reception | None:
        answer = self._transmit(data, bits, session)
        now_us = self._meter.clock.now_us
        end_us = now_us
        if answer is not None:
            end_us += _CARD_DELAY_US + answer.delay_us + card_frame_us(answer.bits)
            self._meter.clock.call_at_us(end_us, self._note)
        start_us = now_us - reader_frame_us(bits)
        self.frames.append(Frame(bytes(data), 0 if answer is None else answer.bits, start_us, end_us))
        return answer

    def _selected(self, level: int) -> None:
        if level and self._is_observing:
            self._note()

    def _note(self) -> None:
        self.moments.append(Moment(self._meter))


class Tap:
    """One tap: its frames, from the request that found the card to the last one before the card is put to sleep."""

    def __init__(self, frames: list[Frame], moments: list[Moment]) -> None:
        self.frames = frames
        self._moments = moments
        self.start = self._last_before(frames[0].start_us + 1)
        self.end = self._next_selected(frames[-1])

    def first_block(self) -> "Breakdown":
        """Return the time from the request until the driver has the first block of 16 bytes."""
        for count, frame in enumerate(self.frames, 1):
            if frame.data[0] == _READ and frame.answer_bits == _BLOCK_BITS:
                return Breakdown(self.start, self._next_selected(frame), self._air(self.frames[:count]))
        raise ValueError("no block was read")

    def whole(self) -> "Breakdown":
        """Return the time from the request to the last answer of the card, which proves the statement written."""
        return Breakdown(self.start, self.end, self._air(self.frames))

    def part(self, first: int, last: int, guard_us: float = 0) -> "Breakdown":
        """Return the time until the answer to frame number `last` is fetched.

        It begins with the request if `first` is 0, and otherwise when the answer before frame `first` was fetched.
        `guard_us` of the time may not be used by any reader, and count as time on the air.
        """
        start = self._next_selected(self.frames[first - 1]) if first else self.start
        air_us, idle_us = self._air(self.frames[first : last + 1])
        return Breakdown(start, self._next_selected(self.frames[last]), (air_us + guard_us, idle_us))

    def gaps(self) -> list[str]:
        """Return Python's time up to the first block: a line for each frame, from its end to the start of the next."""
        lines = []
        for frame, follower in zip(self.frames, self.frames[1:], strict=False):
            gap_ms = (follower.start_us - frame.end_us) / 1000
            if gap_ms > _NO_GAP_MS:
                lines.append(f"{gap_ms:8.2f} ms behind {_FRAMES.get(frame.data[:2], 'authentication')}")
            if follower.data[0] == _READ:
                break
        return lines

    def _air(self, frames: list[Frame]) -> tuple[float, float]:
        """Return `(time on the air, time of it in which the core slept)`, in microseconds."""
        air_us = sum(frame.end_us - frame.start_us for frame in frames)
        idle_us = sum(
            self._last_before(frame.end_us + 1).idle_us - self._last_before(frame.start_us + 1).idle_us
            for frame in frames
        )
        return air_us, idle_us

    def _last_before(self, time_us: float) -> Moment:
        return [moment for moment in self._moments if moment.time_us < time_us][-1]

    def _next_selected(self, frame: Frame) -> Moment:
        """Return the end of the transfer that fetches the answer of `frame`."""
        return next(moment for moment in self._moments if moment.time_us > frame.end_us + 1)


class Breakdown:
    """The parts of the time between two moments, all in milliseconds."""

    def __init__(self, start: Moment, end: Moment, air: tuple[float, float]) -> None:
        air_us, air_idle_us = air
        self.total_ms = (end.time_us - start.time_us) / 1000
        self.radio_ms = air_us / 1000
        self.flash_ms = (end.flash_us - start.flash_us) / 1000
        self.spi_ms = (end.spi_us - start.spi_us) / 1000
        self.waiting_ms = max(0.0, end.idle_us - start.idle_us - air_idle_us) / 1000
        self.python_ms = self.total_ms - self.radio_ms - self.flash_ms - self.spi_ms - self.waiting_ms
        self.python_during_radio_ms = (air_us - air_idle_us) / 1000
        self.chip_selects = end.chip_selects - start.chip_selects
        self.spi_bytes = end.spi_bytes - start.spi_bytes
        self.page_programs = end.page_programs - start.page_programs
        self.erases = end.erases - start.erases

    @property
    def python_us_per_chip_select(self) -> float:
        """Python's time, divided by the number of its transfers."""
        return self.python_ms * 1000 / self.chip_selects

    def lines(self) -> list[str]:
        """Return the breakdown as text."""
        return [
            f"{self.total_ms:8.2f} ms in total",
            f"{self.radio_ms:8.2f} ms radio (Python works during {self.python_during_radio_ms:.2f} ms of it)",
            f"{self.flash_ms:8.2f} ms flash ({self.page_programs} pages programmed, {self.erases} sectors erased)",
            f"{self.spi_ms:8.2f} ms SPI ({self.spi_bytes} bytes)",
            f"{self.python_ms:8.2f} ms Python: {self.chip_selects} chip selects, "
            f"{self.python_us_per_chip_select:.0f} us for each",
            f"{self.waiting_ms:8.2f} ms asleep without a frame on the air",
        ]


def taps(workshop: Workshop) -> Measured:
    """Measure the tap of a Classic card with one credit token.

    It is repeated `TAPS` times, at different moments of the meter's other work. Each value is the median.
    """
    with workshop.meter("tap") as meter:
        meter.start()
        meter.source.set_load_w(_LOAD_W)
        taps_seen = [tap_once(meter, _SETTLE_S + number * _PHASE_S) for number in range(TAPS)]
    first = median([tap.first_block() for tap in taps_seen])
    first_tap = next(tap for tap in taps_seen if tap.first_block().total_ms == first.total_ms)
    whole = median([tap.whole() for tap in taps_seen])
    values = {
        "tap_first_block_ms": first.total_ms,
        "tap_first_block_rf_ratio": first.total_ms / first.radio_ms,
        "tap_credit_ms": whole.total_ms,
        "tap_credit_floor_ratio": whole.total_ms / (whole.radio_ms + whole.flash_ms),
    }
    notes = ["A tap of a Classic card, from REQA to its first block:"] + first.lines()
    notes += ["Python between these frames:"] + first_tap.gaps()
    return values, notes + ["From REQA to the statement, written and read back:"] + whole.lines()


def tap_once(meter: BenchMeter, pause_s: float) -> Tap:
    """Redeem one credit from a new card. Return the tap."""
    card = meter.card(meter.token())
    meter.run_for(pause_s)
    observer = TapObserver(meter)
    meter.insert(card)
    meter.run_for(_CARD_STAYS_S)
    meter.remove(card)
    observer.end()
    return observer.first_tap()


def median(breakdowns: list[Breakdown]) -> Breakdown:
    """Return the breakdown of the median time."""
    return sorted(breakdowns, key=lambda one: one.total_ms)[len(breakdowns) // 2]
