"""A line that loses, repeats, changes and cuts bytes, and a board that restarts, against an ideal queue.

Each command is executed at most once and in order, its result is right or an error, and everything ends.
"""

from hypothesis import given, settings
from hypothesis import strategies as some

from tests.services.reader_bench import ReaderBench
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core.messages import reader_frames as frames

KIND = frames.FIRST_BOARD_KIND
COMMANDS = 12
# Four attempts of a command and of a HELLO, with the work of the command, and the longest write.
LONGEST_US = COMMANDS * 2 * 4 * 200_000

NOTHING_WRONG = some.just(("pass", 0, 0))
FAULTS = some.tuples(
    some.sampled_from(("drop", "flip", "repeat", "cut", "insert", "double", "swallow")),
    some.integers(0, 200),
    some.integers(0, 255),
)


def damaged(data, fault):
    """Return the bytes that arrive in the place of `data`."""
    how, place, value = fault
    place %= len(data)
    if how == "drop":
        return data[:place] + data[place + 1 :]
    if how == "flip":
        return data[:place] + bytes((data[place] ^ (value or 1),)) + data[place + 1 :]
    if how == "repeat":
        return data[: place + 1] + data[place:]
    if how == "cut":
        return data[:place]
    if how == "insert":
        return data[:place] + bytes((value,)) * (1 + value % 7) + data[place:]
    if how == "double":
        return data + data
    return b"" if how == "swallow" else data


class CommandBench:
    """A board that keeps a list of the commands that it has executed."""

    def __init__(self, to_board, from_board, restarts, work_ms):
        self.executed = []
        self.restarts = set(restarts)
        self.work_ms = work_ms
        self.bench = ReaderBench({KIND: self._execute})
        self.bench.asking.fault = _planned(to_board)
        self.bench.asked.fault = _planned(from_board)
        self.results = {}

    async def _execute(self, content):
        await self.bench.clock.sleep_ms(self.work_ms)
        self.executed.append(content[0])
        if content[0] in self.restarts:
            self.restarts.discard(content[0])
            raise _Restart()
        return frames.OK, bytes((content[0] ^ 0x5A,))

    async def ask_all(self):
        for command in range(COMMANDS):
            if not self.bench.link.is_begun:
                try:
                    await self.bench.link.begin()
                except ReaderError:
                    continue
            try:
                self.results[command] = await self.bench.link.ask(KIND, bytes((command,)), self.work_ms)
            except ReaderError:
                self.results[command] = None

    def run(self):
        serve = self.bench._serve

        async def serve_and_restart():
            while True:
                try:
                    await serve()
                except _Restart:
                    self.bench.restart()

        self.bench._serve = serve_and_restart
        self.bench.run(self.ask_all())


class _Restart(Exception):
    """Power of the board fails after a command, before its answer."""


def _planned(faults):
    left = list(faults)
    return lambda data: damaged(data, left.pop(0)) if left else data


PLANS = some.lists(some.one_of(NOTHING_WRONG, FAULTS), max_size=40)


@settings(deadline=None)
@given(PLANS, PLANS, some.lists(some.integers(0, COMMANDS - 1), max_size=3), some.integers(0, 90))
def test_each_command_is_executed_at_most_once_and_its_result_is_right_or_an_error(to_board, from_board, restarts, ms):
    bench = CommandBench(to_board, from_board, restarts, ms)
    bench.run()
    assert bench.executed == sorted(set(bench.executed)), "twice, or out of order"
    for command, result in bench.results.items():
        if result is not None:
            assert result == (frames.OK, bytes((command ^ 0x5A,)))
            assert command in bench.executed
    assert bench.bench.clock.now_us < LONGEST_US


@settings(deadline=None)
@given(some.integers(0, 90))
def test_a_line_without_faults_gives_every_result(ms):
    bench = CommandBench((), (), (), ms)
    bench.run()
    assert [result[0] for result in bench.results.values()] == [frames.OK] * COMMANDS
    assert bench.executed == list(range(COMMANDS))
    assert bench.bench.link.repeats == 0


@settings(deadline=None)
@given(some.lists(FAULTS, max_size=1), some.lists(FAULTS, max_size=1))
def test_one_fault_each_way_costs_repeats_alone(to_board, from_board):
    bench = CommandBench([("pass", 0, 0), *to_board], [("pass", 0, 0), *from_board], (), 5)
    bench.run()
    assert bench.executed == list(range(COMMANDS))
    assert None not in bench.results.values()


@given(some.lists(some.binary(max_size=300), max_size=12))
def test_any_bytes_are_read_to_their_end_within_the_buffer(pieces):
    reader = frames.FrameReader()
    for piece in pieces:
        reader.feed(piece)
        while reader.take() is not None:
            pass
        assert len(reader._data) < frames.FRAME_LIMIT
    while reader.take(True) is not None:
        pass
    assert reader.is_empty


@given(some.binary(max_size=300), some.binary(max_size=frames.PAYLOAD_LIMIT))
def test_after_any_noise_and_a_pause_a_frame_is_read(noise, payload):
    reader = frames.FrameReader()
    reader.feed(noise)
    reader.feed(frames.frame(frames.STEPS, 1, 2, payload))
    found = []
    while (one := reader.take()) is not None or (one := reader.take(True)) is not None:
        found.append(one.payload)
    assert payload in found


@given(some.binary(max_size=frames.PAYLOAD_LIMIT))
def test_any_steps_are_read_within_their_limits(content):
    from wattpurse.core.messages import reader_steps as steps

    found = steps.read_steps(content)
    assert found is None or 1 <= len(found) <= steps.STEPS_LIMIT
