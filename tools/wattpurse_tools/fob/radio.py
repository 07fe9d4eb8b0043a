"""The seam between the fob and a radio: `bleak` for the radio of this computer, another one in tests."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class FoundMeter:
    """A meter in range: its address, its number, its alarm bits, and the strength of its signal in dBm."""

    address: str
    meter: int
    alarms: int
    rssi: int


class Link(Protocol):
    """A connection to one meter. Each method raises ConnectionError if the connection is lost."""

    async def write(self, data: bytes) -> None:
        """Write bytes to the meter."""

    async def read(self, timeout_s: float) -> bytes:
        """Return bytes from the meter. Raise TimeoutError if none come in time."""
        ...


class Radio(Protocol):
    """The radio of the phone."""

    async def scan(self, seconds: float) -> list[FoundMeter]:
        """Return the meters that advertise within some seconds."""
        ...

    def connect(self, address: str) -> AbstractAsyncContextManager[Link]:
        """Return a connection to the meter at an address, for an `async with` block. Entering raises OSError."""
        ...
