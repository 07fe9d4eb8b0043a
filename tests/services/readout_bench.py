"""A reader of IEC 62056-21 at the readout head of a whole meter, in virtual time, and a checker of the frames.

The checker shares no code with the meter: it follows the wording of the standard.
"""

from tests.services.console.console_bench import Bench
from wattpurse.services.readout import ReadoutHead

PASSWORD = "geheim2026"
QUIET_MS = 400
SIGN_ON = b"/?!\r\n"


class Answer:
    """What the reader heard: the characters, the reaction time behind its request, and the longest gap inside."""

    def __init__(self, data, reaction_ms, longest_gap_ms):
        self.data = data
        self.reaction_ms = reaction_ms
        self.longest_gap_ms = longest_gap_ms


class ReaderBench:
    """A commissioned meter with its head switched on; `session` runs a script of the reader beside the head."""

    def __init__(self, with_password=True, tariff_data=None):
        self.bench = bench = Bench()
        bench.commission(tariff_data)
        bench.log_in()
        bench.say("readout on")
        if with_password:
            bench.say("readout password " + PASSWORD)
        bench.say("logout")
        self.restart()

    def restart(self):
        """Begin a new life of the processor."""
        self.bench.restart()
        self.meter = self.bench.meter
        self.line = self.bench.hardware.readout_line
        self.clock = self.bench.clock
        self.line.heard = []

    def session(self, script):
        """Run `script(self)`, a coroutine, beside the head, and return its result."""

        async def both():
            import asyncio

            failures = []
            head = ReadoutHead(self.meter.board.build_readout_port(), self.meter)
            self.line.reader_baud = 300
            self.line.take_heard()
            task = asyncio.create_task(note_failure(head.run(), failures))
            await self.clock.sleep_ms(100)
            result = await script(self)
            task.cancel()
            if failures:
                raise failures[0]
            return result

        return self.clock.run(both())

    async def ask(self, data, limit_ms=4_000):
        """Send `data` and return the Answer, with no characters if none comes within `limit_ms`."""
        self.line.heard = []
        end_us = self.line.send(data)
        return await self.listen(end_us, limit_ms)

    async def listen(self, since_us, limit_ms=4_000):
        """Return the Answer that begins within `limit_ms` of `since_us`. It ends with a silence."""
        heard, clock = self.line.heard, self.clock
        while not heard and clock.now_us < since_us + limit_ms * 1000:
            await clock.sleep_ms(10)
        heard = self.line.heard
        if not heard:
            return Answer(b"", None, 0)
        while clock.now_us < heard[-1][0] + QUIET_MS * 1000:
            await clock.sleep_ms(20)
            heard = self.line.heard
        character_us = 10_000_000 // self.line.reader_baud
        gaps = [later[0] - one[0] - character_us for one, later in zip(heard, heard[1:])]
        reaction_us = heard[0][0] - character_us - since_us
        self.line.heard = []
        return Answer(bytes([one[1] for one in heard]), reaction_us // 1000, max(gaps) // 1000 if gaps else 0)

    async def sign_on(self, request=SIGN_ON):
        """Send a sign-on and return the Answer."""
        return await self.ask(request)

    async def choose(self, mode, baud_digit=b"5", baud=9600):
        """Choose an option after the identification, change the speed, and return the Answer."""
        self.line.heard = []
        end_us = self.line.send(b"\x060" + baud_digit + mode + b"\r\n")
        while self.clock.now_us < end_us + 300_000:
            await self.clock.sleep_ms(20)
        self.line.reader_baud = baud
        return await self.listen(end_us, 4_000)

    async def program(self):
        """Enter programming mode and return the request for the password."""
        await self.sign_on()
        return await self.choose(b"1")

    async def command(self, text, data=None):
        """Send a command in programming mode and return the characters of the answer."""
        return (await self.ask(command(text, data))).data

    async def texts(self, commands):
        """Return the data sets in the answers to several `(command, data)`."""
        answers = []
        for text, data in commands:
            answers.append(data_set_in(await self.command(text, data)))
        return answers

    async def log_in(self, password=PASSWORD):
        """Enter programming mode and give the password. Return the characters of the answer."""
        await self.program()
        return await self.command("P1", f"({password})")


async def note_failure(coroutine, failures):
    """Run a coroutine that must not end, and note how it failed."""
    try:
        await coroutine
        failures.append(RuntimeError("the head ended"))
    except Exception as error:
        failures.append(error)


def check_of(characters):
    """Return the exclusive or of the characters."""
    value = 0
    for one in characters:
        value ^= one
    return value


def command(text, data=None):
    """Return a command with its block check."""
    body = text.encode() + (b"\x02" + data.encode() if data is not None else b"") + b"\x03"
    return b"\x01" + body + bytes((check_of(body),))


def data_set_in(frame):
    """Return the text of a framed answer. Raises ValueError for a wrong frame."""
    if frame[:1] != b"\x02" or frame[-2:-1] != b"\x03" or check_of(frame[1:-1]) != frame[-1]:
        raise ValueError(f"no frame: {frame}")
    return frame[1:-2].decode()


def registers_in(block):
    """Return the values of a readout by their codes, each a list of the texts in brackets.

    Raises ValueError for anything that the standard does not allow.
    """
    text = data_set_in(block)
    if text[-3:] != "!\r\n":
        raise ValueError("the data block ends with an exclamation mark and a line end")
    found = {}
    for line in text[:-3].split("\r\n"):
        if not line:
            continue
        if len(line) > 78:
            raise ValueError("a line has 78 characters at most")
        code, _, rest = line.partition("(")
        values = rest[:-1].split(")(")
        if rest[-1:] != ")" or not code or code in found:
            raise ValueError(f"a line is a code and values in brackets, once: {line}")
        for value in values:
            value, _, unit = value.partition("*")
            if len(value) > 32 or len(unit) > 16:
                raise ValueError(f"a value has 32 characters at most, a unit 16: {line}")
            for character in value + unit + code.replace("*", ""):
                if not " " <= character <= "~" or character in "()/!*":
                    raise ValueError(f"a character that no data set may have: {line}")
        found[code] = values
    return found
