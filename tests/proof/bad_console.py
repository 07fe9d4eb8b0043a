"""Bad console lines: random keys, a confused technician and a skilled thief, with and without a login.

Every fourth line goes through the editor of a bare serial line first.

The whole meter on the simulated board answers. It has no credit and its supply is off. Supply stays off, except during
the test that a technician may start.
"""

import random as randoms

from boards.host.chips.power import BoardReset
from tests import samples
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.proof.small_meter import seal
from tests.services.console.console_bench import COMMISSION, PIN, REPORTS, Bench
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.services.console.console import LINE_LIMIT
from wattpurse.services.console.line import LineEditor

NAME = "bad-console"
ABOUT = "console lines, logged in and not"
SHORT_CASES = 40
LONG_CASES = 2_500

_BATCH = 400
_HUGE = 1 << 16
_HEAP_LIMIT = 512 * 1024
_LINES = REPORTS + (
    "help",
    "help tariff",
    "login " + PIN,
    "login 0000",
    "logout",
    "pin 5555",
    "tariff set " + samples.flat_tariff(version=9).hex(),
    "contract set prepaid-energy",
    "contract set prepaid-money",
    "clock set 2026-03-01T10:00:00Z",
    "calibrate 3200/1",
    "terms set low_credit_mwh 1",
    "terms set credit_limit_microunits 1000000",
    "keys set meter " + bytes(16).hex(),
    "token " + seal((2 << 28) + 1, token.CREDIT_MONEY, 10**6).hex(),
    COMMISSION + " release 0011223344556677",
    "relay test",
    "supply test 30",
    "bluetooth on",
    "reset-tamper",
    "erase-ledger 40123",
    "token " + seal(3, token.CREDIT_MONEY, 10**6).hex(),
    "redeem " + seal(4, token.CREDIT_ENERGY, 10**6).hex(),
    COMMISSION,
    "status --json",
    "events 3",
    "reboot",
)
_WORDS = ("set", "--json", "-1", "0", "9" * 20, "0x10", "1e9", "\u0661\u0662", "nan", "", "\x00", "a" * 300)


def run_case(seed: int, tally):
    """Type a batch of lines at one meter. In every second batch the typist knows the PIN."""
    random = randoms.Random(f"{NAME} {seed}")
    bench = Bench()
    bench.commission()
    if seed % 2:
        bench.log_in()
    lines = [line.encode() for line in _LINES]
    started = 0
    while started < _BATCH:
        batch = [_line(random, lines) for _ in range(min(50, _BATCH - started))]
        batch[::4] = [_typed(line.encode("utf-8", "replace")) for line in batch[::4]]
        started += len(batch)
        _answer_all(bench, bool(seed % 2), batch)
        tally.cases += len(batch)
        tally.faults += len(batch)
        _judge(bench, batch)
    bound_heap(tally, _HEAP_LIMIT, _answer_all, bench, False, batch[:1])
    bound_heap(tally, _HEAP_LIMIT, _answer_all, bench, False, ["a" * _HUGE])
    bound_heap(tally, _HEAP_LIMIT, _typed, b"a" * _HUGE)


def _line(random, lines):
    draw = random.random()
    if draw < 0.15:
        return random.choice(_LINES)
    if draw < 0.45:
        words = random.choice(_LINES).split(" ")
        words[random.randrange(len(words))] = random.choice(_WORDS)
        return " ".join(words + [random.choice(_WORDS)] * random.randrange(2))
    return mutated(random, random.choice(lines), lines).decode("utf-8" if draw < 0.6 else "latin-1", "replace")


def _typed(line: bytes):
    """Return the line after the editor of a bare serial line, or None if the editor rejects it as too long."""
    editor = LineEditor(LINE_LIMIT)
    for byte in line:
        if not editor.is_complete:
            editor.put(byte)
    return editor.take()


def _answer_all(bench, log_in, batch):
    """Type one line after the other. Perform a reboot if a line asked for one."""
    position = 0

    async def type_all():
        nonlocal position
        while position < len(batch):
            line = batch[position]
            position += 1
            answer = await bench.meter.console.answer(line)
            if not isinstance(answer, str):
                raise Broken(BROKEN_RULES, f"{answer!r} to {line!r}")

    while position < len(batch):
        try:
            bench.clock.run(type_all())
        except BoardReset:
            bench.restart()
            if log_in:
                bench.say("login " + PIN)


def _judge(bench, batch):
    """Check the switch after it has settled: it is closed only during a technician's test."""
    meter = bench.meter
    account = meter.ledger.account
    if account is None:
        raise Broken(LOST, f"the ledger is gone after one of {batch!r}")
    if account.money.bought or account.energy.bought:
        raise Broken(DOUBLED, f"credit by one of {batch!r}")
    bench.clock.run(meter.switching.step())
    is_closed = supply.is_closed(meter.decide()) or bench.hardware.relay.contact_closed
    if is_closed and not meter.circumstances.testing:
        raise Broken(BROKEN_RULES, f"supply closed by one of {batch!r}")
