"""A pcscd of its own with one virtual reader (vpcd), and the cards that are laid on it.

vpcd listens on a port for the card, and speaks a length of two bytes and a payload. A payload of one byte is control:
0 power off, 1 power on, 2 reset, 4 tell the ATR. pcscd takes its socket from its starter, as from systemd, and its port
is free, so that several run at once. The card connects at 127.0.0.1. (vpcd can connect to the card instead, and then
aborts while there is no card.)
"""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.house.places import ROOT
from tests.tools.readers.pcsc_card import Gone
from wattpurse_tools.readers.pcsc import Service
from wattpurse_tools.readers.troubles import ReaderTrouble

ACR122U = "ACS ACR122U PICC Interface"
DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
PACKAGES = ("pcscd", "vsmartcard-vpcd", "libpcsclite1")
_START_S = 20
_CARD_S = 10
_PAUSE_S = 0.02

# pcscd is killed with its starter (PR_SET_PDEATHSIG is 1, SIGKILL is 9): a process of the proof ends without its exits.
_STARTER = """
import ctypes, os, socket, sys
ctypes.CDLL(None).prctl(1, 9)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv("/usr/sbin/pcscd", ["pcscd", "--foreground", "--force-reader-polling", "-c", sys.argv[2]])
"""


def install():
    """Install the Debian packages of the virtual reader. Raise CalledProcessError, with the remedy printed."""
    subprocess.run([ROOT / "tools/toolchain/debian-packages", *PACKAGES], check=True)


class VirtualReader:
    """The reader of one pcscd. `lay` lays a card on it, `lift` takes it away. `daemon` is the process of pcscd."""

    def __init__(self, port, folder, name):
        self.name = f"{name} 00 00"
        self.socket = folder / "pcscd.comm"
        self.port = port
        self.card = None
        self.daemon = None
        self._folder = folder
        self._thread = None
        self._link = None
        (folder / "readers").mkdir()
        (folder / "readers/virtual").write_text(
            f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:{port:#06x}\nLIBPATH {DRIVER}\nCHANNELID {port:#06x}\n'
        )

    def start(self):
        """Start pcscd, and wait until it has the reader."""
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-c", _STARTER, str(self.socket), str(self._folder / "readers")]
        with open(self._folder / "log", "w") as log:
            self.daemon = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while not self._is_listed():
            if self.daemon.poll() is not None or time.monotonic() > until:
                raise OSError(f"pcscd does not start: {(self._folder / 'log').read_text()}")
            time.sleep(_PAUSE_S)

    def stop(self):
        """End pcscd at once."""
        self.lift()
        self.daemon.kill()
        self.daemon.wait(_START_S)

    def _wait_for(self, has_card):
        """Wait until pcscd tells that a card is there, or that none is. It tells that after the ATR was read."""
        until = time.monotonic() + _CARD_S
        with Service() as service:
            while service.has_card(self.name) != has_card:
                if time.monotonic() > until:
                    raise TimeoutError("pcscd does not see the card" + ("" if has_card else " go"))
                time.sleep(_PAUSE_S)

    def _is_listed(self):
        with suppress(ReaderTrouble), Service() as service:
            return self.name in service.readers()
        return False

    def lay(self, card):
        """Put a PcscCard on the reader, and wait until the reader sees it.

        A card that comes back at once may be seen as one that was never away. Another card is laid there after pcscd
        has seen the reader empty: it would keep the ATR of the one before.
        """
        before = self.card
        self.lift()
        if before is None or before.card is not card.card:
            self._wait_for(has_card=False)
        self.card = card
        card.power_on()
        self._link = socket.create_connection(("127.0.0.1", self.port), _CARD_S)
        self._link.settimeout(None)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        seen = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(card, self._link, seen), daemon=True)
        self._thread.start()
        if not seen.wait(_CARD_S):
            raise TimeoutError("pcscd does not see the card")
        self._wait_for(has_card=True)

    def lift(self):
        """Take the card away, and wait until it is gone."""
        if self._link is not None:
            _shut(self._link)
        if self._thread is not None:
            self._thread.join(_CARD_S)
        if self.card is not None:
            self.card.power_off()
        self._thread = self._link = self.card = None

    def _serve(self, card, link, seen):
        try:
            while True:
                self._step(card, link, seen)
        except (Gone, OSError):
            link.close()

    def _step(self, card, link, seen):
        payload = _receive(link, int.from_bytes(_receive(link, 2), "big"))
        if len(payload) != 1:
            return _send(link, card.transmit(payload))
        if payload == b"\x00":
            card.power_off()
        elif payload in (b"\x01", b"\x02"):
            card.power_on()
        elif payload == b"\x04":
            _send(link, card.atr)
            seen.set()
        return None


@cache
def reader_of_process():
    """Start the pcscd of this process, with one reader, and return the reader. It ends with the process.

    There is one for a process because libpcsclite reads PCSCLITE_CSOCK_NAME once.
    """
    install()
    folder = Path(tempfile.mkdtemp(prefix="pcscd-"))
    reader = VirtualReader(_free_port(), folder, ACR122U)
    os.environ["PCSCLITE_CSOCK_NAME"] = str(reader.socket)
    atexit.register(shutil.rmtree, folder, True)
    atexit.register(reader.stop)
    reader.start()
    return reader


def _free_port():
    """Return a free port with another free one above it: vpcd takes a port for each of its two slots."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("", 0))
            port = first.getsockname()[1]
            with suppress(OSError, OverflowError):
                second.bind(("", port + 1))
                return port


def _receive(link, count):
    data = b""
    while len(data) < count:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = link.recv(count - len(data))
        if not part:
            raise OSError("pcscd has closed the card's port")
        data += part
    return data


def _send(link, data):
    link.sendall(len(data).to_bytes(2, "big") + data)


def _shut(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
