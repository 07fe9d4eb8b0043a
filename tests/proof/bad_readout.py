"""Bad characters at the readout head: noise, mutated messages, and whole sessions of a reader who means harm.

The head of a whole meter answers in virtual time. In every second batch the reader knows the password, which sets the
clock as far as the PIN does and nothing else. Without it nothing of the meter changes. After a silence of two minutes
the head answers an honest reader, whatever came before.
"""

import asyncio
import random as randoms
from datetime import UTC, datetime

from tests.proof.campaign import BROKEN_RULES, DOUBLED, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.services.console.console_bench import START_S
from tests.services.readout_bench import PASSWORD, ReaderBench, command, note_failure, registers_in
from wattpurse.core.messages import readout as messages
from wattpurse.core.money import supply
from wattpurse.core.money.clock_rules import BY_HAND_S
from wattpurse.services.readout import ReadoutHead

NAME = "bad-readout"
ABOUT = "characters at the readout head, with the password and without"
SHORT_CASES = 8
LONG_CASES = 2_500

_BATCH = 400
_HUGE = 1 << 16
_HEAP_LIMIT = 64 * 1024
_SILENCE_MS = 125_000
_SIGN_ON = b"/?!\r\n"
_SETTINGS = ("meter_number", "meter_key", "site_key", "pin_check", "readout", "readout_password", "wrong_pins")
_MESSAGES = (
    _SIGN_ON,
    b"/?40123!\r\n",
    b"/?0000000000000000000000000040123!\r\n",
    b"\x06050\r\n",
    b"\x06051\r\n",
    b"\x06000\r\n",
    b"\x06001\r\n",
    b"\x06052\r\n",
    b"\x15",
    b"\x06",
    command("B0"),
    command("R1", "1.8.0()"),
    command("R5", "1.8.0*01(1)"),
    command("R3", "1.8.0(1;2)"),
    command("W1", "0.9.1(235959)"),
    command("W1", "0.9.2(991231)"),
    command("W1", "1.0.0(260210000500)"),
    command("W5", "1.8.0(999999.999*kWh)"),
    command("W1", "credit(1000000)"),
    command("W1", "C.1.0(1)"),
    command("P1", "(00000000)"),
    command("P2", "(0123456789ABCDEF)"),
    command("E2", "0.0.0(1)"),
)
_PAUSES_MS = (0, 20, 300, 300, 300, 300, 300, 300, 700, 1_700)


def run_case(seed: int, tally):
    """Send a batch of messages to one head."""
    random = randoms.Random(f"{NAME} {seed}")
    knows_password = bool(seed % 2)
    reader = ReaderBench()
    reader.line.hears_itself = random.random() < 0.3
    before = _facts(reader.meter)
    sent = []
    try:
        honest = registers_in(reader.session(lambda one: _attack(random, one, knows_password, sent)).data)
    except Broken:
        raise
    except Exception as error:
        raise RuntimeError(f"after {sent[-3:]!r}") from error
    tally.cases += len(sent)
    tally.faults += len(sent)
    _judge(reader, before, knows_password, sent)
    if honest["C.1.0"] != ["40123"]:
        raise Broken(BROKEN_RULES, f"another meter answers after {sent[-3:]!r}")
    for message in (sent[-1], b"/?" + b"1" * _HUGE + b"!\r\n", b"\x01P1\x02(" + b"a" * _HUGE + b")\x03\x00"):
        bound_heap(tally, _HEAP_LIMIT, _hear, reader, message)


async def _attack(random, reader, knows_password, sent):
    """Send messages, right and wrong ones, at any time and at either speed."""
    password = (command("P1", f"({PASSWORD})"),) if knows_password else ()
    known = [*_MESSAGES, *password]
    while len(sent) < _BATCH:
        if random.random() < 0.05:
            reader.line.reader_baud = None
            for message in (_SIGN_ON, b"\x06051\r\n") + password:
                await _send(reader, sent, message, 1_300)
        reader.line.reader_baud = None if random.random() < 0.9 else random.choice(messages.BAUDS)
        pause_ms = random.choice(_PAUSES_MS) if random.random() < 0.995 else 100_000
        message = _message(random, [*known, _near_time(random, reader)])
        await _send(reader, sent, message, pause_ms)
    reader.line.reader_baud = None
    if random.random() < 0.5:
        for message in (_SIGN_ON, b"\x06051\r\n"):
            await _send(reader, sent, message, 1_300)
    await _send(reader, sent, random.choice(known)[:-1], _SILENCE_MS)  # a message that breaks off
    reader.line.reader_baud = 300
    return await _read_honestly(reader)


async def _send(reader, sent, message, pause_ms):
    sent.append(message)
    end_us = reader.line.send(message)
    await reader.clock.sleep_ms((end_us - reader.clock.now_us) // 1000 + pause_ms)
    reader.line.heard = []


def _near_time(random, reader):
    """Return a command that sets the clock to a time that the PIN may set as well."""
    moment = datetime.fromtimestamp(reader.meter.timekeeper.now_s() + random.randrange(-300, 600), UTC)
    return command("W1", f"1.0.0({moment:%y%m%d%H%M%S})")


def _message(random, known):
    draw = random.random()
    if draw < 0.1:
        return known[-1]
    if draw < 0.3:
        return random.choice(known)
    message = mutated(random, random.choice(known), known)[:400]
    if draw < 0.8 and message[:1] == b"\x01" and b"\x03" in message:
        return _with_check(message)
    return message


def _with_check(message):
    """Return a command whose check is right, so that its content reaches the code behind."""
    body = message[1 : message.index(b"\x03") + 1]
    check = 0
    for byte in body:
        check ^= byte & 0x7F
    return b"\x01" + body + bytes((check,))


async def _read_honestly(reader):
    answer = await reader.sign_on()
    if answer.data[:5] != b"/WPS5":
        raise Broken(BROKEN_RULES, f"no identification, but {answer.data!r}")
    return await reader.choose(b"0")


def _facts(meter):
    account = meter.ledger.account
    return (
        [meter.settings.get(name) for name in _SETTINGS],
        account.contract,
        account.tariff.data,
        [account.terms[name] for name in ("credit_limit_microunits", "tamper_cover")],
        account.registers.total_mwh,
    )


def _judge(reader, before, knows_password, sent):
    meter, told = reader.meter, repr(sent[-3:])
    account = meter.ledger.account
    if account.money.bought or account.energy.bought:
        raise Broken(DOUBLED, f"credit by a reader, before {told}")
    if _facts(meter) != before:
        raise Broken(BROKEN_RULES, f"a reader changed the meter, before {told}")
    reader.clock.run(meter.switching.step())
    if supply.is_closed(meter.decide()) or reader.bench.hardware.relay.contact_closed:
        raise Broken(BROKEN_RULES, f"supply closed by a reader, before {told}")
    moved_s = abs(meter.timekeeper.now_s() - START_S - reader.clock.now_us // 1_000_000)
    if moved_s > (BY_HAND_S + 2 if knows_password else 2):
        raise Broken(BROKEN_RULES, f"the clock moved by {moved_s} s, before {told}")


class _Port:
    """A line on which a message arrives at once, and whose answer goes nowhere: nothing here takes heap."""

    def __init__(self, message):
        self._message = memoryview(message)
        self._place = 0

    def set_baud(self, baud):
        pass

    def read(self, buffer):
        piece = self._message[self._place : self._place + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def write(self, data):
        pass

    def is_sent(self):
        return True


def _hear(reader, message):
    """Let the head hear one message."""

    async def listen():
        head = ReadoutHead(_Port(message), reader.meter)
        failures = []
        task = asyncio.create_task(note_failure(head.run(), failures))
        await reader.clock.sleep_ms(60_000)
        task.cancel()
        if failures:
            raise failures[0]

    reader.clock.run(listen())
