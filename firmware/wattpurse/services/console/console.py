"""The service console: lines in, answers out, beside metering.

Reading is open to everyone. Changing needs a login or the rights of a service card. Every line gets an answer, an error
as one line with the reason, and no line ends the task: the console must stay available for finding faults.
"""

import json

from wattpurse.core.records import events
from wattpurse.services.console import arguments as read
from wattpurse.services.console import commands as commands
from wattpurse.services.console.changes import note
from wattpurse.services.console.login import SILENCE_MS, Login

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from typing import Any

    from wattpurse.app import Meter
    from wattpurse.hal import ConsolePort

LINE_LIMIT = 2200  # a tariff table in hex with its command

_RETRY_MS = 1000
_LINES_AT_ONCE = 8  # lines written without letting others run
_NONE = "none"
_REFUSED = "refused: "
_NOT_ASCII = "the line has characters that are not plain ASCII, such as accents or control keys; it was dropped"


class Console:
    """The console of `meter` on `stream` (see `hal`)."""

    def __init__(self, stream: "ConsolePort", meter: "Meter") -> None:
        self.login = Login(meter)
        self._stream = stream
        self._meter = meter
        # name, arguments, help, right needed, method(arguments)
        self._session = (
            ("help", "[COMMAND]", "list the commands, or explain one", commands.ANYONE, self._help),
            ("login", "PIN", "get the right to change the meter", commands.ANYONE, self._log_in),
            ("logout", "", "give the right back", commands.ANYONE, self._log_out),
            ("pin", "NEWPIN", "change the PIN", commands.TECHNICIAN, self._change_pin),
            ("reboot", "", "restart the meter", commands.TECHNICIAN, self._reboot),
        )
        try:  # the image for a room reader alone has this module, and no other one keeps its commands in memory
            from wattpurse.services.console import room
        except ImportError:
            return
        self._session += room.commands_of(meter)

    def grant(self, minutes: int) -> None:
        """Give a technician's rights for some minutes: a service card was shown."""
        self.login.grant(minutes)

    async def run(self) -> None:
        """Answer line after line, for ever."""
        await self._write(f"Wattpurse {self._meter.version} on {self._meter.board.name}: 'help' lists the commands")
        while True:
            try:
                line = await self._stream.read_line(LINE_LIMIT)
                await self._give(line)
                self._meter.board.rest(True)
            except (OSError, UnicodeError):  # unplugged, or bytes that are no text: only the line is lost
                await self._meter.board.clock.sleep_ms(_RETRY_MS)

    async def answer(self, line: str | None) -> str:
        """Return the answer to one line, "" to an empty one. None stands for a line that is too long."""
        said = []
        await self._answer(line, said.append, lambda: self._meter.board.clock.sleep_ms(0))
        return "".join(said).rstrip("\n")

    async def _give(self, line: str | None) -> None:
        """Write the answer to one line piece by piece, so that a long one does not hold up the meter."""
        await self._answer(line, self._stream.write, self._stream.make_room)

    async def _answer(
        self, line: str | None, write: "Callable[[str], None]", let_others_run: "Callable[[], Awaitable[None]]"
    ) -> None:
        if line is None or len(line) > LINE_LIMIT:
            return write(f"{_REFUSED}a line has at most {LINE_LIMIT} characters; this one was dropped\n")
        words = line.split()
        wants_json = commands.JSON_FLAG in words
        words = [word for word in words if word != commands.JSON_FLAG]
        if not words:
            return None
        had_rights = self.login.allows_changes()
        try:
            _refuse_garbage(line)
            for piece in await self._obey(words, wants_json):
                if piece:
                    write(piece)
                await let_others_run()
        except ValueError as error:
            write(_refusal(str(error), wants_json))
        except OSError:
            write(_refusal("a device of the meter did not answer; look at 'status' before you try again", wants_json))
        except MemoryError:
            write(_refusal("not enough memory at the moment; try again", wants_json))
        self.login.line_answered(had_rights)
        return None

    async def _obey(self, words: list, wants_json: bool) -> "Iterator[str]":
        """Return the answer in pieces."""
        refused = commands.find(commands.REFUSED, words)
        if refused is not None:
            raise ValueError(refused[1])
        report = commands.find(commands.REPORTS + commands.LISTS, words)
        action = commands.find(commands.CHANGES, words) or commands.find(self._session, words)
        if action is not None and (report is None or len(action[0]) > len(report[0])):
            return _in_pieces(await self._act(action, words, wants_json))
        if report is None:
            raise ValueError(f"no command '{words[0][:20]}'; 'help' lists them")
        facts = report[3](self._meter, commands.arguments_of(report, words))
        if report in commands.LISTS:
            return _list_as_json(facts, report[5]) if wants_json else _list_as_text(facts, report[4])
        facts = await _given(facts)
        await self._meter.board.clock.sleep_ms(0)
        return _in_pieces(json.dumps(facts) if wants_json else await _given(report[4](facts)))

    async def _act(self, action: tuple, words: list, wants_json: bool) -> str | None:
        name, _, _, right, function = action
        if wants_json:
            raise ValueError(f"'{name}' has no {commands.JSON_FLAG}")
        self._refuse_stranger(name, right)
        arguments = commands.arguments_of(action, words)
        return await _given(function(arguments) if action in self._session else function(self._meter, arguments))

    def _refuse_stranger(self, name: str, right: int) -> None:
        if right == commands.ANYONE or self.login.allows_changes():
            return
        if right == commands.TECHNICIAN_OR_FACTORY and self.login.in_factory_state():
            return
        raise ValueError(f"'{name}' needs a login: 'login PIN', or a service card on the reader")

    def _help(self, arguments: list) -> "Awaitable[str]":
        every = sorted(commands.REPORTS + commands.LISTS + commands.CHANGES + self._session, key=lambda entry: entry[0])
        if arguments:
            wanted = " ".join(arguments)
            every = [entry for entry in every if entry[0] == wanted or entry[0].split()[0] == wanted]
            if not every:
                raise ValueError(f"no command '{wanted[:20]}'")
        return commands.help_text(every)

    async def _log_in(self, arguments: list) -> str:
        read.expect(arguments, "login PIN", 1)
        await self.login.attempt(read.pin(arguments[0]))
        return f"logged in until 'logout' or {SILENCE_MS // 60_000} minutes of silence"

    def _log_out(self, _arguments: list) -> str:
        if self.login.allows_changes():
            self.login.end()
            note(self._meter, events.LOGOUT)
        return "logged out"

    def _change_pin(self, arguments: list) -> str:
        read.expect(arguments, "pin NEWPIN", 1)
        self._meter.settings.set_all(self.login.settings_of(read.pin(arguments[0])))
        note(self._meter, events.PIN_CHANGED)
        return "the PIN is changed"

    async def _reboot(self, _arguments: list) -> None:
        note(self._meter, events.RESTART_ORDERED)
        await self._write("the meter restarts")
        self._meter.board.reset()

    async def _write(self, text: str) -> None:
        for piece in _in_pieces(text):
            self._stream.write(piece)
            await self._stream.make_room()


def _in_pieces(text: str) -> "Iterator[str]":
    """Yield a few lines at a time."""
    lines = text.split("\n") if text else []
    for start in range(0, len(lines), _LINES_AT_ONCE):
        yield "\n".join(lines[start : start + _LINES_AT_ONCE]) + "\n"


def _list_as_text(rows: "Iterable[dict]", line_of: "Callable[[dict], str]") -> "Iterator[str]":
    nothing = True
    for row in rows:
        nothing = False
        yield line_of(row) + "\n"
    if nothing:
        yield _NONE + "\n"


def _list_as_json(rows: "Iterable[dict]", name: str) -> "Iterator[str]":
    """Yield one line of any length, in pieces."""
    separator = "{" + json.dumps(name) + ": ["
    for row in rows:
        yield separator + json.dumps(row)
        separator = ", "
    yield ("]}" if separator == ", " else separator + "]}") + "\n"


async def _given(result: "Any") -> "Any":  # noqa: ANN401 a command returns text, facts or a coroutine of either
    """Return the result of a command, which may be a coroutine that returns it."""
    return await result if hasattr(result, "send") else result


def _refuse_garbage(line: str) -> None:
    for character in line:
        if not " " <= character <= "~" and character != "\t":
            raise ValueError(_NOT_ASCII)


def _refusal(why: str, wants_json: bool) -> str:
    return (json.dumps({"error": why}) if wants_json else _REFUSED + why) + "\n"
