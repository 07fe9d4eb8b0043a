"""A reader board on a bench: the real server and driver over the chip model, and a linked reader at a line to it."""

import asyncio

from boards.host.chips.byte_line import connect
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.linked_reader import LinkedReader
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.cards.reader_link import ReaderLink
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages.reader_session import Answerer
from wattpurse.services.reader_server import ReaderServer

IDENTITY = b"\x01\x02\x03\x04\x05\x06\x07\x08"


class ReaderBench:
    """Both ends of the line. `asked` is the board's end of the line. `near` is the driver that the board uses."""

    def __init__(self, kinds=None, baud=115_200):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.near = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.asking, self.asked = connect(self.clock, baud)
        self.longest_hunger_us = 0
        self._fed_us = 0
        self.kinds = kinds
        self.nonce = 0
        self.link = ReaderLink(self.asking, self.clock, self._next_nonce)
        self.reader = LinkedReader(self.link)
        self.restart()

    def restart(self):
        """Let the board start anew: it knows no session."""
        answerer = Answerer(frames.DESK_READER, IDENTITY)
        self.server = ReaderServer(self.asked, self.near, self.clock, answerer, self.feed, self.kinds)

    def run(self, coroutine):
        """Return the result of the coroutine while the board serves."""
        return self.clock.run(self._served(coroutine))

    async def _served(self, coroutine):
        board = asyncio.create_task(self._serve())
        try:
            return await coroutine
        finally:
            board.cancel()
            try:
                await board
            except (asyncio.CancelledError, OSError):
                pass

    async def _serve(self):
        while True:
            await self.server.serve(1000)

    def feed(self):
        """Feed the watchdog of the board."""
        now_us = self.clock.now_us
        self.longest_hunger_us = max(self.longest_hunger_us, now_us - self._fed_us)
        self._fed_us = now_us

    def _next_nonce(self):
        self.nonce += 1
        return self.nonce
