"""A Bluetooth radio for the simulated meter, over the package `bumble`: the port of `hal.BluetoothPort`.

For CPython alone. `bumble` speaks to a real controller of the computer, or to a virtual one on a `LocalLink`, to which
a test attaches its phone. Its stack runs on an asyncio loop of its own or on that of the meter. The port waits on the
meter's clock in small steps, so both are right.
"""

import asyncio
from collections import deque

from wattpurse.core.messages.advertising import ANSWER_UUID, REQUEST_UUID, SERVICE_UUID
from wattpurse.core.messages.frames import BUFFER_LIMIT

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from bumble.device import Connection, Device
    from bumble.link import LocalLink

    from wattpurse.hal import Clock

POLL_MS = 2
POST_MS = 5_000
ADVERTISE_MS = 250  # as the radio of a chip does
MTU_OVERHEAD = 3  # of each notification
METER_ADDRESS = "F0:F1:F2:F3:F4:F5"


class BumbleRadio:
    """The radio on `device`, whose stack runs on `loop`. It waits on `clock`."""

    def __init__(self, clock: "Clock", device: "Device", loop: "asyncio.AbstractEventLoop") -> None:
        from bumble.gatt import Characteristic, CharacteristicValue, Service

        self._clock = clock
        self._device = device
        self._loop = loop
        self._connection: Connection | None = None
        self._has_power = False
        self._has_visitor = False  # also one that has left again
        self._writes: deque[bytes] = deque()
        properties = Characteristic.Properties
        requests = Characteristic(
            REQUEST_UUID,
            properties.WRITE | properties.WRITE_WITHOUT_RESPONSE,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._on_write),
        )
        self._answers = Characteristic(ANSWER_UUID, properties.NOTIFY, Characteristic.READABLE, b"")
        device.add_service(Service(SERVICE_UUID, [requests, self._answers]))
        device.on("connection", self._on_connection)

    async def advertise(self, data: bytes, scan_response: bytes, timeout_ms: int) -> bool:
        """Advertise until somebody connects, at most `timeout_ms`. Return True if somebody has connected."""
        begun_ms = self._clock.ticks_ms()
        await self._post(self._start(data, scan_response))
        while not self._has_visitor and not self._is_over(begun_ms, timeout_ms):
            await self._clock.sleep_ms(POLL_MS)
        if not self._has_visitor:
            await self._post(self._device.stop_advertising())
        return self._has_visitor

    async def read(self, timeout_ms: int) -> bytes:
        """Return the bytes that came, b"" if none came in time. Raise OSError if the connection is lost."""
        begun_ms = self._clock.ticks_ms()
        while not self._writes:
            self._connected()
            if self._is_over(begun_ms, timeout_ms):
                return b""
            await self._clock.sleep_ms(POLL_MS)
        return self._writes.popleft()

    async def write(self, data: bytes, timeout_ms: int) -> None:
        """Notify the customer. Raise OSError if the connection is lost, or if the bytes are not taken in time."""
        connection = self._connected()
        size = connection.att_mtu - MTU_OVERHEAD
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            await self._post(self._device.notify_subscriber(connection, self._answers, piece), timeout_ms)
            self._connected()

    async def disconnect(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await self._post(connection.disconnect())
            except OSError:
                pass

    async def stop(self) -> None:
        """Stop advertising, and end the connection."""
        await self.disconnect()
        if self._has_power:
            await self._post(self._device.stop_advertising())

    async def _start(self, data: bytes, scan_response: bytes) -> None:
        if not self._has_power:
            await self._device.power_on()
            self._has_power = True
        self._writes.clear()
        self._has_visitor = False
        await self._device.start_advertising(
            advertising_data=data,
            scan_response_data=scan_response,
            advertising_interval_min=ADVERTISE_MS,
            advertising_interval_max=ADVERTISE_MS,
        )

    async def _post(self, coroutine: "Coroutine", timeout_ms: int = POST_MS) -> "Any":  # noqa: ANN401
        """Run a coroutine of the stack on its loop. Raise OSError if it fails, or has no result in time."""
        begun_ms = self._clock.ticks_ms()
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        while not future.done():
            if self._is_over(begun_ms, timeout_ms):
                future.cancel()
                raise OSError("the Bluetooth stack does not answer")
            await self._clock.sleep_ms(POLL_MS)
        try:
            return future.result()
        except Exception as error:  # the stack has many errors of its own
            raise OSError(f"Bluetooth: {error!r}")

    def _connected(self) -> "Connection":
        if self._connection is None:
            raise OSError("the connection is lost")
        return self._connection

    def _on_connection(self, connection: "Connection") -> None:
        self._connection = connection
        self._has_visitor = True
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None

    def _on_write(self, _connection: "Connection", value: bytes) -> None:
        """Take a write. A chip keeps no more than its buffer either."""
        if sum(len(one) for one in self._writes) + len(value) <= BUFFER_LIMIT:
            self._writes.append(bytes(value))

    def _is_over(self, begun_ms: int, timeout_ms: int) -> bool:
        return self._clock.ticks_diff(self._clock.ticks_ms(), begun_ms) >= timeout_ms


def virtual_device(link: "LocalLink", address: str) -> "Device":
    """Return a device with a virtual controller on `link`."""
    from bumble.controller import Controller
    from bumble.device import Device
    from bumble.hci import Address
    from bumble.host import Host
    from bumble.transport.common import AsyncPipeSink

    controller = Controller(address, link=link, public_address=address)
    return Device(address=Address(address), host=Host(controller, AsyncPipeSink(controller)))


def real_radio(clock: "Clock", transport: str) -> BumbleRadio:
    """Return a radio on a controller of this computer, named as `bumble` names it, for instance `hci-socket:0`.

    Its stack runs in a thread, because the meter's own loop waits for virtual time. Raise OSError if the controller
    cannot be opened.
    """
    import threading

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="bluetooth", daemon=True).start()
    try:
        device = asyncio.run_coroutine_threadsafe(_open_device(transport), loop).result(POST_MS / 1000)
    except Exception as error:  # each kind of transport fails in its own way
        raise OSError(f"no Bluetooth at {transport}: {error!r}")
    return BumbleRadio(clock, device, loop)


async def _open_device(transport: str) -> "Device":
    from bumble.device import Device
    from bumble.hci import Address
    from bumble.transport import open_transport

    opened = await open_transport(transport)
    return Device.with_hci("Wattpurse", Address(METER_ADDRESS), opened.source, opened.sink)
