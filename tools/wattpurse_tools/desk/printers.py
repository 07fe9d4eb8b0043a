"""The receipt printers of a desk: one in the network, or a file such as /dev/usb/lp0."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

PORT = 9100
_TIMEOUT_S = 5


def print_bytes(printer: str, data: bytes) -> None:
    """Print bytes on the printer tcp://HOST[:PORT], or write them to a file. Raise OSError with the reason."""
    if not printer.startswith("tcp://"):
        with Path(printer).open("ab") as file:
            file.write(data)
        return
    parts = urlsplit(printer)
    with socket.create_connection((parts.hostname or "", parts.port or PORT), timeout=_TIMEOUT_S) as connection:
        connection.sendall(data)
