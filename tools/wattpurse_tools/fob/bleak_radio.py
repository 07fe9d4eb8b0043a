"""The radio of this computer, over the package `bleak`, which is imported when it is used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from wattpurse.core.messages import advertising
from wattpurse_tools.fob.radio import FoundMeter

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice

CONNECT_S = 15.0
SMALLEST_WRITE = 20


class BleakRadio:
    """Scans for meters and connects to them."""

    def __init__(self) -> None:
        self._devices: dict[str, BLEDevice] = {}

    async def scan(self, seconds: float) -> list[FoundMeter]:
        """Return the meters that advertise within some seconds, the nearest first."""
        try:
            from bleak import BleakScanner
            from bleak.exc import BleakError
        except ImportError as error:
            raise OSError("the radio needs the package bleak: pip install 'wattpurse[fob]'") from error
        try:
            found = await BleakScanner.discover(
                timeout=seconds, return_adv=True, service_uuids=[advertising.SERVICE_UUID]
            )
        except (BleakError, OSError) as error:
            raise OSError(f"this computer's Bluetooth does not answer; is it there, and on? ({error})") from error
        meters = []
        for address, (device, told) in found.items():
            state = advertising.read_state(told.manufacturer_data.get(advertising.NO_COMPANY, b""))
            if state is not None:
                self._devices[address] = device
                meters.append(FoundMeter(address, state[1], state[2], told.rssi))
        return sorted(meters, key=lambda meter: -meter.rssi)

    @asynccontextmanager
    async def connect(self, address: str) -> AsyncIterator["BleakLink"]:
        """Connect to the meter at an address, for an `async with` block. Entering raises OSError."""
        from bleak import BleakClient
        from bleak.exc import BleakError

        link = BleakLink()
        client = BleakClient(self._devices.get(address, address), link.on_disconnected, timeout=CONNECT_S)
        try:
            await client.connect()
            await link.begin(client)
        except (BleakError, TimeoutError) as error:
            raise OSError(f"no connection to {address}: {error}") from error
        try:
            yield link
        finally:
            with suppress(BleakError, TimeoutError):  # it may be lost already
                await client.disconnect()


class BleakLink:
    """A connection of `bleak`."""

    def __init__(self) -> None:
        self._client: Any = None
        self._size = SMALLEST_WRITE
        self._answers: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def begin(self, client: "BleakClient") -> None:
        """Subscribe to the answers of the meter."""
        self._client = client
        requests = client.services.get_characteristic(advertising.REQUEST_UUID)
        if requests is None:
            raise OSError("this device does not serve as a meter")
        self._size = max(requests.max_write_without_response_size, SMALLEST_WRITE)
        await client.start_notify(advertising.ANSWER_UUID, self._on_answer)

    async def write(self, data: bytes) -> None:
        """Write bytes to the meter, in as many writes as the connection needs."""
        from bleak.exc import BleakError

        try:
            for start in range(0, len(data), self._size):
                piece = data[start : start + self._size]
                await self._client.write_gatt_char(advertising.REQUEST_UUID, piece, response=True)
        except BleakError as error:
            raise ConnectionError(str(error)) from error

    async def read(self, timeout_s: float) -> bytes:
        """Return bytes from the meter. Raise TimeoutError if none come in time."""
        data = await asyncio.wait_for(self._answers.get(), timeout_s)
        if data is None:
            self._answers.put_nowait(None)
            raise ConnectionError("the connection is lost")
        return data

    def on_disconnected(self, _client: "BleakClient") -> None:
        """Wake the task that waits for an answer."""
        self._answers.put_nowait(None)

    def _on_answer(self, _characteristic: object, data: bytearray) -> None:
        self._answers.put_nowait(bytes(data))
