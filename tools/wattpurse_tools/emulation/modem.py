"""A modem at a UART of the emulated chip, and behind it a whole IP network: Debian's `slirp` on a pseudo terminal.

    with PacedModem(pico, uart=0, tx=0, rx=1) as modem:
        modem.run_until(lambda: modem.model.carries_data, limit_s=20)

slirp is the other end of PPP. It opens a socket of this machine for each connection of the chip: its 10.0.2.2 is
127.0.0.1 here. It lives in real time, so the board is slowed down to real time while it runs with a modem, and two runs
are not equal. Time on the UART and in the chip is exact nevertheless.
"""

import contextlib
import os
import pty
import subprocess
import time
import tty
from collections.abc import Callable
from typing import Self

from boards.host.chips.modem import ModemModel
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.places import ROOT

HOST_ADDRESS = "10.0.2.2"

_INSTALLER = (ROOT / "tools/toolchain/debian-packages", "slirp-fullbolt=slirp")
# slirp takes its own address from the host name, and without it ends PPP without an address.
_COMMAND = ("unshare", "--uts", "sh", "-c", f"hostname {HOST_ADDRESS}; exec slirp-fullbolt ppp")
_STEP_US = 1_000
_CHUNK_BYTES = 4_096


class Slirp:
    """One PPP line to slirp."""

    def __init__(self) -> None:
        self._line, terminal = pty.openpty()
        tty.setraw(terminal)
        os.set_blocking(self._line, False)
        self._process = subprocess.Popen(
            _COMMAND, stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(terminal)

    def read(self) -> bytes:
        """Return the bytes that have come, b"" for none."""
        with contextlib.suppress(BlockingIOError, OSError):
            return os.read(self._line, _CHUNK_BYTES)
        return b""

    def write(self, data: bytes) -> None:
        """Send bytes. Those that the line does not take are lost."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._line, data)

    def close(self) -> None:
        """Hang up."""
        self._process.kill()
        self._process.wait()
        os.close(self._line)


class PacedModem:
    """The modem at the UART `uart` of `pico`, on the GPIO numbers `tx` and `rx` of the chip."""

    def __init__(self, pico: EmulatedPico, uart: int, tx: int, rx: int) -> None:
        subprocess.run(_INSTALLER, check=True)
        self._pico = pico
        self._slirp: Slirp | None = None
        self._outgoing = bytearray()
        self.model = ModemModel(pico.clock, lambda data: pico.uart_write(uart, data))
        self.model.on_data = self._outgoing.append
        self.model.on_carrier = self._carrier_moved
        pico.attach_uart(uart, tx, rx, self.model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._slirp is not None:
            self._slirp.close()
            self._slirp = None

    def run_for(self, duration_s: float) -> None:
        """Let time pass."""
        self.run_until(lambda: False, duration_s)

    def run_until(self, condition: Callable[[], object], limit_s: float) -> bool:
        """Run until `condition()` holds, at most `limit_s`, no faster than real time. Return True if it held."""
        begun_us, begun_s = self._pico.now_us, time.monotonic()
        while not condition():
            passed_s = (self._pico.now_us - begun_us) / 1e6
            if passed_s >= limit_s:
                return bool(condition())
            early_s = passed_s - (time.monotonic() - begun_s)
            if early_s > 0:
                time.sleep(early_s)
            self.exchange()
            self._pico.run_us(_STEP_US)
        return True

    def exchange(self) -> None:
        """Carry the bytes that wait on both sides. `run_until` does it each millisecond."""
        if self._slirp is None:
            self._outgoing.clear()
            return
        if self._outgoing:
            self._slirp.write(bytes(self._outgoing))
            self._outgoing.clear()
        data = self._slirp.read()
        if data:
            self.model.give(data)

    def _carrier_moved(self, is_there: bool) -> None:
        self.close()
        if is_there:
            self._slirp = Slirp()
