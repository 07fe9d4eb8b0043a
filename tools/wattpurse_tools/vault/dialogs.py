"""Dialogs of the vault with a card in somebody else's hands: one command out, one answer back, in a call each.

A dialog runs a coroutine over a transport. `begin` returns its name and its first command, `go_on` takes an answer and
returns the next command, or the result. A dialog that nobody goes on with is dropped, the oldest first. The card
forgets its part as well.
"""

import secrets
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from wattpurse.cards.desfire import Desfire
from wattpurse_tools.vault.interface import Refused

MOST = 16
LIFE_S = 60
COMMANDS = 200

_NAME_SIZE = 16

Work = Callable[[Desfire], Coroutine[Any, Any, Any]]


class _Exchange:
    """A command on its way. The answer is sent into the coroutine that waits for it."""

    def __init__(self, command: bytes) -> None:
        self._command = command

    def __await__(self) -> Generator[bytes, bytes, bytes]:
        return (yield self._command)


class Relay:
    """A transport whose commands go out of the coroutine."""

    async def transceive(self, command: bytes, meanwhile: Callable[[], object] | None = None) -> bytes:
        """Return the answer to a command."""
        if meanwhile is not None:
            meanwhile()
        return await _Exchange(bytes(command))


class _Dialog:
    def __init__(self, work: Coroutine[Any, Any, Any], ends_s: float) -> None:
        self.work = work
        self.ends_s = ends_s
        self.commands = 0


class Dialogs:
    """The dialogs under way. `make_card` returns the commands of a card over a transport."""

    def __init__(self, clock: Callable[[], float], make_card: Callable[[Relay], Desfire]) -> None:
        self._clock = clock
        self._make_card = make_card
        self._dialogs: dict[str, _Dialog] = {}

    def begin(self, work: Work) -> tuple[str, bytes]:
        """Begin a dialog. Return its name and its first command."""
        self._drop_old()
        if len(self._dialogs) >= MOST:
            self._end(next(iter(self._dialogs)))
        dialog = _Dialog(work(self._make_card(Relay())), self._clock() + LIFE_S)
        name = secrets.token_hex(_NAME_SIZE)
        self._dialogs[name] = dialog
        command, _ = self._step(name, dialog, None)
        return name, command

    def go_on(self, name: str, answer: bytes) -> tuple[bytes, Any]:
        """Return `(next command, None)`, or `(b"", result)` at the end. Raise CardError or Refused."""
        self._drop_old()
        dialog = self._dialogs.get(name)
        if dialog is None:
            raise Refused("this dialog with a card has ended; begin again")
        return self._step(name, dialog, answer)

    def _step(self, name: str, dialog: _Dialog, answer: bytes | None) -> tuple[bytes, Any]:
        dialog.commands += 1
        try:
            command = dialog.work.send(answer)
        except StopIteration as end:
            del self._dialogs[name]
            return b"", end.value
        except BaseException:
            del self._dialogs[name]
            raise
        if dialog.commands > COMMANDS:
            self._end(name)
            raise Refused("the card keeps the vault busy for ever")
        return command, None

    def _drop_old(self) -> None:
        now_s = self._clock()
        for name in [name for name, one in self._dialogs.items() if not 0 <= one.ends_s - now_s <= LIFE_S]:
            self._end(name)

    def _end(self, name: str) -> None:
        self._dialogs.pop(name).work.close()
