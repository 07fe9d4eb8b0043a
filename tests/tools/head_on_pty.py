"""A whole simulated meter in real time with its readout head on a pseudo terminal, beside the test in a thread."""

import threading
import time
from pathlib import Path

from boards.host.screen.readout_terminal import ReadoutTerminal
from boards.host.world.world import World
from tests.services.console.console_bench import COMMISSION, PIN
from wattpurse.app import Meter

PASSWORD = "geheim2026"
_STEP_S = 0.005


class HeadOnPty:
    """For a `with` block: `path` is the terminal at the head of `world`'s meter. `pace` is virtual seconds a second."""

    def __init__(self, folder: Path, tariff: bytes = b""):
        self.world = World(Meter)
        self.world.run_for(3)
        self.world.meter.stores.test_flash = lambda by_records: ()
        self._type(COMMISSION + (" " + tariff.hex() if tariff else ""))
        self.world.reset_board()
        self.world.run_for(3)
        for line in ("login " + PIN, "readout on", "readout password " + PASSWORD, "reboot"):
            self._type(line)
        self._folder = folder
        self._is_over = False
        self._failure: BaseException | None = None

    def __enter__(self):
        self._terminal = ReadoutTerminal(str(self._folder), self.world.hardware.readout_line)
        self.path = self._terminal.path
        self._thread = threading.Thread(target=self._live)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over = True
        self._thread.join()
        self._terminal.close()
        if self._failure is not None:
            raise self._failure

    @property
    def meter(self):
        return self.world.meter

    def _type(self, line):
        self.world.hardware.console.type_line(line)
        self.world.run_for(3)

    def _live(self):
        self._began_s, self._began_us = time.monotonic(), self.world.clock.now_us
        self.world.pace = self._pace
        try:
            self.world.run_until(lambda: self._is_over, 600)
        except BaseException as error:
            self._failure = error
        finally:
            self.world.pace = None
            self.world.close()

    def _pace(self, until_us):
        self._terminal.carry()
        allowed_us = self._began_us + int((time.monotonic() - self._began_s) * 1_000_000)
        if allowed_us < until_us:
            time.sleep(min(_STEP_S, (until_us - allowed_us) / 1_000_000))
        return min(until_us, max(self.world.clock.now_us, allowed_us))
