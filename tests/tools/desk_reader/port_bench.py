"""A desk reader on a pseudo-terminal: the real server and driver over the chip model, for programs that open a port."""

import os
import select
import threading
import tty

from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages.reader_session import Answerer
from wattpurse.services.reader_server import ReaderServer

_SLICE_MS = 20


class PtyLine:
    """The board's end of the pseudo-terminal."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    async def read(self, timeout_ms):
        if not select.select([self._descriptor], [], [], timeout_ms / 1000)[0]:
            return b""
        return os.read(self._descriptor, 4096)

    async def write(self, data):
        os.write(self._descriptor, data)


class DeskReaderOnPort:
    """The board, in a thread of its own. Programs open `path`. Only the time of its line is real."""

    def __init__(self, role=frames.DESK_READER):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self._board_end, self._far_end = os.openpty()
        tty.setraw(self._far_end)
        self.path = os.ttyname(self._far_end)
        driver = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        answerer = Answerer(role, b"desk0001")
        self.server = ReaderServer(PtyLine(self._board_end), driver, self.clock, answerer, lambda: None)
        self.is_deaf = False
        self._ends = False
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ends = True
        self._thread.join(10)
        self.unplug()

    def answers_after(self, duration_s):
        """Let a deaf board hear after a time."""
        threading.Timer(duration_s, self._hear).start()

    def _hear(self):
        self.is_deaf = False

    def unplug(self):
        """Pull the cable: the program's next read or write fails."""
        for name in ("_far_end", "_board_end"):
            descriptor = getattr(self, name)
            if descriptor is not None:
                setattr(self, name, None)
                os.close(descriptor)

    def pull_out(self):
        """End the board, and pull its cable."""
        self._ends = True
        self._thread.join(10)
        self.unplug()

    def _serve(self):
        while not self._ends:
            if self.is_deaf:
                threading.Event().wait(_SLICE_MS / 1000)
            else:
                self.clock.run(self.server.serve(_SLICE_MS))
