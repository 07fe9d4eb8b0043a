"""The Bluetooth radio of a chip, over aioble: the port of `hal.BluetoothPort`.

Only images with a radio freeze this module and aioble. The library is imported at the first advertisement, which also
turns the radio on. A plain characteristic of aioble keeps 20 bytes of a write and drops the rest without a word, so the
requests come into a `BufferedCharacteristic`. With `append`, a write does not replace bytes that nobody has read yet.
"""

import asyncio

from wattpurse.core.messages.advertising import ANSWER_UUID, REQUEST_UUID, SERVICE_UUID
from wattpurse.core.messages.frames import BUFFER_LIMIT

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any

    from wattpurse.hal import Clock

ADVERTISE_US = 250_000
MTU = 247
SMALLEST_MTU = 23
MTU_OVERHEAD = 3  # bytes of each notification
DISCONNECT_MS = 2_000
RETRY_MS = 10


class AiobleRadio:
    """The radio, with one connection at a time: while somebody is connected, it does not advertise."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._aioble: Any = None
        self._requests: Any = None
        self._answers: Any = None
        self._connection: Any = None

    async def advertise(self, data: bytes, scan_response: bytes, timeout_ms: int) -> bool:
        """Advertise until somebody connects, at most `timeout_ms`. Return True if somebody has connected."""
        if self._aioble is None:
            self._register()
        self._requests.read()  # drop the bytes of an earlier customer
        try:
            self._connection = await self._aioble.advertise(
                ADVERTISE_US, adv_data=data, resp_data=scan_response, timeout_ms=timeout_ms
            )
        except asyncio.TimeoutError:
            return False
        return self._connection is not None

    async def read(self, timeout_ms: int) -> bytes:
        """Return the bytes that came, b"" if none came in time. Raise OSError if the connection is lost."""
        connection = self._connected()
        data = self._requests.read()
        try:
            with connection.timeout(timeout_ms):
                while not data:  # the signal of a write that was read already is still there
                    await self._requests.written()
                    data = self._requests.read()
        except asyncio.TimeoutError:
            return b""
        except self._aioble.DeviceDisconnectedError:
            raise OSError("the connection is lost")
        return data

    async def write(self, data: bytes, timeout_ms: int) -> None:
        """Notify the customer. Raise OSError if the connection is lost, or if there is no room for the bytes in time.

        While the queue of notifications is full, the stack refuses another one.
        """
        begun_ms = self._clock.ticks_ms()
        size = (self._connected().mtu or SMALLEST_MTU) - MTU_OVERHEAD
        sent = 0
        while sent < len(data):
            connection = self._connected()
            try:
                self._answers.notify(connection, data[sent : sent + size])
                sent += size
            except OSError:
                if self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms) >= timeout_ms:
                    raise
                await self._clock.sleep_ms(RETRY_MS)

    async def disconnect(self) -> None:
        """End the connection. A peer that does not acknowledge this is forgotten."""
        connection, self._connection = self._connection, None
        if connection is None or not connection.is_connected():
            return
        try:
            await connection.disconnect(DISCONNECT_MS)
        except asyncio.TimeoutError:
            pass

    async def stop(self) -> None:
        """Turn the radio off. The next advertisement turns it on again."""
        await self.disconnect()
        if self._aioble is not None:
            self._aioble.stop()
            self._aioble = None

    def _connected(self) -> "Any":  # noqa: ANN401 the stubs have no aioble
        if self._connection is None or not self._connection.is_connected():
            raise OSError("the connection is lost")
        return self._connection

    def _register(self) -> None:
        """Turn the radio on, with the service and its two characteristics."""
        aioble, bluetooth = __import__("aioble"), __import__("bluetooth")
        aioble.config(mtu=MTU)
        service = aioble.Service(bluetooth.UUID(SERVICE_UUID))
        self._requests = aioble.BufferedCharacteristic(
            service,
            bluetooth.UUID(REQUEST_UUID),
            write=True,
            write_no_response=True,
            max_len=BUFFER_LIMIT,
            append=True,
        )
        self._answers = aioble.Characteristic(service, bluetooth.UUID(ANSWER_UUID), notify=True)
        aioble.register_services(service)
        self._aioble = aioble
