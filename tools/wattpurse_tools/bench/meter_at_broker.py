"""The simulated meter on the unix port, at a broker, as a process of its own."""

import json
import subprocess
from types import TracebackType

from wattpurse_tools.places import ROOT

METER_NUMBER = 40_123
METER_KEY = bytes(range(16))
SITE_KEY = bytes(range(100, 116))
END_S = 60

_PROGRAM = (ROOT / "tools/toolchain/unix-run", "boards/host/at_broker.py")
_FOREVER_S = 10**9


class MeterAtBroker:
    """A new meter that gets `lines` typed at its console, for a `with` block. `report` is there after it.

    `speed` virtual seconds pass in each real one. It has the keys above, unless others are named.
    """

    def __init__(
        self,
        lines: tuple[str, ...],
        speed: int = 1,
        number: int = METER_NUMBER,
        meter_key: bytes = METER_KEY,
        site_key: bytes = SITE_KEY,
    ) -> None:
        self.report: dict = {}
        self._words = (str(speed), str(_FOREVER_S), str(number), meter_key.hex(), site_key.hex(), *lines)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "MeterAtBroker":
        self._process = subprocess.Popen(
            [*_PROGRAM, *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> dict:
        """End the run, and return its report. Raises OSError with its output if there is none."""
        if self._process is not None:
            process, self._process = self._process, None
            try:
                output, _ = process.communicate("quit\n", END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            last = output.strip().rpartition("\n")[2]
            if not last.startswith("{"):
                raise OSError(f"the meter ended without a report: {output[-2000:]}")
            self.report = json.loads(last)
        return self.report
