"""The readout head of the simulated meter on a pseudo terminal, for real readers of IEC 62056-21.

MicroPython makes no pseudo terminal: the program `pty-line` does, and is joined by a local connection. A pseudo
terminal shows neither speed nor parity, so a reader here is always as fast as the meter.
"""

import os
import socket
import time

from boards.host import files

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.readout_line import ReadoutLineModel

_PROGRAM = "tools/toolchain/pty-line"
_LINK = "readout"
_FILE = "readout-port"
_WAITS = 100
_WAIT_S = 0.05
_MOST_AT_ONCE = 512


class ReadoutTerminal:
    """The terminal at the reader's end of `line`. Raises OSError if it cannot be made.

    Its path is `path`, and while it lasts `link`, a symbolic link in `folder`.
    """

    def __init__(self, folder: str, line: "ReadoutLineModel") -> None:
        self._line = line
        line.reader_baud = None
        self.link = folder + "/" + _LINK
        file = folder + "/" + _FILE
        files.remove(file)
        os.system(f"{_PROGRAM} {files.quoted(self.link)} {files.quoted(file)} >/dev/null 2>&1 &")
        port, self.path = _first_line(file).split()
        files.remove(file)
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo("127.0.0.1", int(port))[0][-1])
        self._socket.setblocking(False)

    def carry(self) -> None:
        """Carry characters between reader and meter. Call often."""
        try:
            typed = self._socket.recv(_MOST_AT_ONCE)
        except OSError:  # nothing was typed
            typed = b""
        if typed:
            self._line.send(typed)
        heard = self._line.take_heard()
        if heard:
            self._socket.send(heard)

    def close(self) -> None:
        """Remove the terminal."""
        self._socket.close()


def _first_line(file: str) -> str:
    """Return the line that the program writes when it is ready."""
    for _ in range(_WAITS):
        if files.exists(file):
            with open(file) as opened:
                return opened.read()
        time.sleep(_WAIT_S)
    raise OSError("no pseudo terminal could be made for the readout head: is Python 3 installed?")
