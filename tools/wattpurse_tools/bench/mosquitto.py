"""The broker mosquitto on this computer, on a free port: for measurements and tests."""

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from wattpurse_tools.places import ROOT

PROGRAM = "mosquitto"
START_S = 10

_PACKAGES = (ROOT / "tools/toolchain/debian-packages", "mosquitto=mosquitto", "mosquitto_pub=mosquitto-clients")
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


def free_port() -> int:
    """Return a port of this computer that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Mosquitto:
    """A broker with its files in `folder`, for a `with` block. `lines` are added to its configuration."""

    def __init__(self, folder: Path, lines: tuple[str, ...] = ("allow_anonymous true",)) -> None:
        subprocess.run(_PACKAGES, check=True)
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        settings = (
            "user root",
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            *lines,
        )
        (folder / "mosquitto.conf").write_text("\n".join(settings) + "\n")

    @property
    def address(self) -> str:
        """The address of the broker, as HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything that the broker has reported."""
        return (self._folder / "mosquitto.log").read_text()

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the broker, and wait until it listens. Raises OSError if it does not."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            command = [_program(), "-c", self._folder / "mosquitto.conf"]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise OSError(f"mosquitto does not start: {self.log[-500:]}")

    def stop(self) -> None:
        """End the broker. Its sessions stay in its folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


def _program() -> str:
    """Return the program. Debian puts it where only root looks."""
    for place in _PLACES:
        if Path(place, PROGRAM).exists():
            return f"{place}/{PROGRAM}"
    return PROGRAM
