"""The processes of a head-end on one machine, for the supervisor: broker, worker, engine, payments, sender.

Each of them may die at any time and is started again: none has a state of its own, and the broker keeps its sessions on
the disk. The sender starts once a channel of messages is set up.

The one worker has subscriptions of its own. mosquitto (2.0.11 to 2.1.2) does not save shared ones: after a restart it
would acknowledge statements that no session gets, until the worker is back.
"""

import socket
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from wattpurse_tools.headend.broker_files import HEADEND, BrokerFiles
from wattpurse_tools.pages.supervisor import Child, start_module, start_program
from wattpurse_tools.record.office_folder import OfficeFolder

MOSQUITTO = "mosquitto"
WORKER_GROUP = ""

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/bin", "/usr/local/bin")
_COMMAND = "wattpurse_tools.cli"


class HeadendMachine:
    """The processes of the office in `folder`, with a broker of its own at `address`.

    `program` is mosquitto, or None for the broker in Python. Rounds begin every `every_s` seconds.
    """

    def __init__(self, folder: OfficeFolder, address: tuple[str, int], program: Path | None, every_s: float) -> None:
        self._folder = folder
        self._address = address
        self._program = program
        self._every = "--every", f"{every_s:g}"
        self._files = BrokerFiles(folder.path.absolute())

    def children(self) -> list[Child]:
        """Return the processes in the order of their start."""
        return [
            Child("broker", self._start_broker, self._is_broker_ready),
            Child("worker", lambda: self._start("worker", *self._broker_words())),
            Child("engine", lambda: self._start("engine", *self._every)),
            Child("payment worker", lambda: self._start("payments", *self._every)),
            Child("sender", lambda: self._start("sender"), is_wanted=self._has_channels),
        ]

    def make_files(self) -> None:
        """Make the files of the broker that are missing."""
        self._files.make(*self._address)

    @property
    def broker_words(self) -> str:
        """The kind of broker, for people."""
        return MOSQUITTO if self._program is not None else "a broker in Python"

    def _has_channels(self) -> bool:
        """Return True if the file of settings has a section. The sender itself tells the fault of a wrong file."""
        try:
            return bool(tomllib.loads(self._folder.headend_settings.read_text()))
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True

    def _broker_words(self) -> Sequence[str | Path]:
        host, port = self._address
        login = "--user", HEADEND, "--password-file", self._files.password
        return ["--broker", f"{host}:{port}", *login, "--group", WORKER_GROUP]

    def _start(self, action: str, *words: str | Path) -> subprocess.Popen[bytes]:
        return start_module([_COMMAND, "headend", action, "--office", self._folder.path, *words])

    def _start_broker(self) -> subprocess.Popen[bytes]:
        if self._program is not None:
            return start_program([self._program, "-c", self._files.settings])
        host, port = self._address
        return start_module(["wattpurse_tools.headend.python_broker", self._files.folder, host, port])

    def _is_broker_ready(self) -> bool:
        return answers(self._address)


def answers(address: tuple[str, int]) -> bool:
    """Return True if somebody listens at an address."""
    try:
        socket.create_connection(address, 1).close()
    except OSError:
        return False
    return True


def mosquitto() -> Path | None:
    """Return the program mosquitto, or None. Debian puts it where only root looks."""
    return next((place for place in (Path(one, MOSQUITTO) for one in _PLACES) if place.exists()), None)


def has_python_broker() -> bool:
    """Return True if the package of the broker in Python is installed."""
    done = subprocess.run([sys.executable, "-c", "import amqtt.broker"], capture_output=True)
    return done.returncode == 0
