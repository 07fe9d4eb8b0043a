"""PC/SC by pyscard's thin layer `smartcard.scard`: list readers, connect, transmit.

Each call runs in a thread of its own connection and is given up after a time: a driver that hangs cannot be
interrupted. The layer below pyscard's classes is used because those raise a torn exchange with the text "Command
successful", and because a connection of theirs that is dropped resets the card under the next one.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, TypeVar

from wattpurse_tools.readers import troubles
from wattpurse_tools.readers.families import is_contactless
from wattpurse_tools.readers.troubles import ReaderTrouble, trouble_of

Result = TypeVar("Result")

CALL_S = 8.0
SHARING_S = 5.0
_PAUSE_S = 0.1
_MASK = 0xFFFFFFFF


def connect(reader: str) -> "Connection":
    """Connect to the card on the reader with this part in its name, in any letters. An empty text names the only one.

    Raise ReaderTrouble, with the remedy in words.
    """
    service = Service()
    try:
        return service.connect(named(reader, service.readers()))
    except OSError:
        service.close()
        raise


def named(part: str, readers: Sequence[str]) -> str:
    """Return the reader with this part in its name. Raise ReaderTrouble if there is none, or more than one.

    The names of the slots of one reader differ in the two last digits alone. The first slot is taken.
    """
    if not readers:
        raise trouble_of(troubles.NO_READERS)
    if part in readers:
        return part
    found = [name for name in readers if part.lower() in name.lower() and is_contactless(name)]
    if not found:
        raise ReaderTrouble(f"no reader is named {part}; there is {'; '.join(readers)}", troubles.UNKNOWN_READER)
    if len({name[:-2] for name in found}) > 1:
        raise ReaderTrouble(f"name one of these readers: {'; '.join(found)}")
    return found[0]


def layer() -> ModuleType:
    """Return the module `smartcard.scard`. Raise ReaderTrouble if pyscard is not installed."""
    try:
        from smartcard import scard
    except ImportError as error:
        raise ReaderTrouble(troubles.PYSCARD_MISSING) from error
    return scard


class Worker:
    """A thread that makes one call after the other. A call that takes longer than `call_s` raises ReaderTrouble."""

    def __init__(self, call_s: float = CALL_S) -> None:
        self._call_s = call_s
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._is_stuck = False
        threading.Thread(target=self._run, daemon=True).start()

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return the result of `function(*arguments)`, or raise its exception."""
        if self._is_stuck:
            raise ReaderTrouble(troubles.SILENT_READER)
        done: queue.SimpleQueue = queue.SimpleQueue()
        self._calls.put((function, arguments, done))
        try:
            result, error = done.get(timeout=self._call_s)
        except queue.Empty:
            self._is_stuck = True
            raise ReaderTrouble(troubles.SILENT_READER) from None
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        """End the thread after the call that it makes now."""
        self._calls.put(None)

    def _run(self) -> None:
        while (task := self._calls.get()) is not None:
            function, arguments, done = task
            try:
                done.put((function(*arguments), None))
            except Exception as error:  # it is raised again in the thread that waits
                done.put((None, error))


class Service:
    """The PC/SC service of this computer. `close` it, or use it in a `with` block."""

    def __init__(self, call_s: float = CALL_S) -> None:
        self._scard = layer()
        self._worker = Worker(call_s)
        code, self._context = self._worker.call(self._scard.SCardEstablishContext, self._scard.SCARD_SCOPE_SYSTEM)
        if code:
            self._worker.end()
            raise trouble_of(code)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the work with the service."""
        with suppress(ReaderTrouble):  # a thread that hangs keeps its context
            self._worker.call(self._scard.SCardReleaseContext, self._context)
        self._worker.end()

    def readers(self) -> list[str]:
        """Return the names of all readers."""
        code, names = self._worker.call(self._scard.SCardListReaders, self._context, [])
        if code & _MASK == troubles.NO_READERS:
            return []
        if code:
            raise trouble_of(code)
        return [str(name) for name in names]

    def has_card(self, reader: str) -> bool:
        """Return True if a card lies on a reader. A reader that is gone has none."""
        scard = self._scard
        asked = [(reader, scard.SCARD_STATE_UNAWARE)]
        code, states = self._worker.call(scard.SCardGetStatusChange, self._context, 0, asked)
        if code & _MASK not in (0, troubles.TIMEOUT):
            raise trouble_of(code)
        return bool(states[0][1] & scard.SCARD_STATE_PRESENT)

    def connect(self, reader: str) -> "Connection":
        """Connect to the card on a reader, alone. Raise ReaderTrouble if there is none, or another program has it."""
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        until = time.monotonic() + SHARING_S
        while True:
            code, handle, protocol = self._worker.call(
                scard.SCardConnect, self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols
            )
            if code & _MASK != troubles.SHARING or time.monotonic() > until:
                break
            time.sleep(_PAUSE_S)
        if code:
            raise trouble_of(code)
        return Connection(self, reader, self._worker, (handle, protocol))


class Connection:
    """A card on the reader of the name `reader`, with its `atr`. To close it closes its service."""

    def __init__(self, service: Service, reader: str, worker: Worker, opened: tuple[Any, int]) -> None:
        self._scard = layer()
        self._service = service
        self._worker = worker
        self._handle, self._protocol = opened
        self.reader = reader
        self.atr = self._read_atr()

    def transmit(self, apdu: bytes) -> bytes:
        """Return the answer to an APDU, with its status. Raise ReaderTrouble if the exchange was broken off.

        An answer of fewer than two bytes is none: a torn exchange may come with the code of success.
        """
        header = (
            self._scard.SCARD_PCI_T1 if self._protocol == self._scard.SCARD_PROTOCOL_T1 else self._scard.SCARD_PCI_T0
        )
        code, answer = self._worker.call(self._scard.SCardTransmit, self._handle, header, list(apdu))
        if code:
            raise trouble_of(code)
        if len(answer) < 2:
            raise trouble_of(troubles.NOT_TRANSACTED)
        return bytes(byte & 0xFF for byte in answer)

    def reset(self) -> None:
        """Take the field from the card and give it back: the card forgets its state, and is selected anew."""
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        code, self._protocol = self._worker.call(
            scard.SCardReconnect, self._handle, scard.SCARD_SHARE_EXCLUSIVE, protocols, scard.SCARD_RESET_CARD
        )
        if code:
            raise trouble_of(code)
        self.atr = self._read_atr()

    def close(self) -> None:
        """Leave the card as it is."""
        with suppress(ReaderTrouble):  # the next call to a reader that hangs says so
            self._worker.call(self._scard.SCardDisconnect, self._handle, self._scard.SCARD_LEAVE_CARD)
        self._service.close()

    def _read_atr(self) -> bytes:
        code, _, _, _, atr = self._worker.call(self._scard.SCardStatus, self._handle)
        if code:
            raise trouble_of(code)
        return bytes(byte & 0xFF for byte in atr)
