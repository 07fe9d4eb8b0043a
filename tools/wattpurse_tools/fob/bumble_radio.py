"""A phone over the package `bumble`, on the virtual link of a meter's radio: the seam of `radio` in tests, bench."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from boards.host.bumble_radio import virtual_device
from wattpurse.core.messages import advertising
from wattpurse_tools.fob.radio import FoundMeter

if TYPE_CHECKING:
    from bumble.device import Connection, Peer
    from bumble.link import LocalLink

PHONE_ADDRESS = "E0:E1:E2:E3:E4:E5"
CONNECT_S = 5
WRITE_S = 5
END_S = 2
CANCEL_S = 1  # a virtual controller may leave the end of an attempt unconfirmed
MTU = 247

_MANUFACTURER = 0xFF
_COMPANY_SIZE = 2
_MTU_OVERHEAD = 3


class BumblePhone:
    """A phone on `link`. With an `mtu` of None it keeps the smallest one, of 23 bytes."""

    def __init__(self, link: "LocalLink", mtu: int | None = MTU) -> None:
        self._device = virtual_device(link, PHONE_ADDRESS)
        self._mtu = mtu
        self._has_power = False
        self.connections = 0
        self.services: list[str] = []

    async def scan(self, seconds: float) -> list[FoundMeter]:
        """Return the meters that advertise."""
        await self._power_on()
        found: dict[str, FoundMeter] = {}

        def note(advertisement: Any) -> None:  # noqa: ANN401 an object of the stack
            for data in advertisement.data.get_all(_MANUFACTURER, raw=True):
                state = advertising.read_state(data[_COMPANY_SIZE:])
                if state is not None:
                    address = str(advertisement.address)
                    found[address] = FoundMeter(address, state[1], state[2], advertisement.rssi)

        self._device.on("advertisement", note)
        await self._device.start_scanning(filter_duplicates=False)
        await asyncio.sleep(seconds)
        await self._device.stop_scanning()
        return list(found.values())

    @asynccontextmanager
    async def connect(self, address: str) -> AsyncIterator["BumbleLink"]:
        """Connect, find the service and subscribe."""
        from bumble.core import BaseBumbleError
        from bumble.device import Peer

        await self._power_on()
        try:
            connecting = self._device.connect(address, timeout=CONNECT_S)
            connection = await asyncio.wait_for(connecting, CONNECT_S + CANCEL_S)
        except (BaseBumbleError, TimeoutError) as error:
            raise OSError(f"no connection: {error!r}") from error
        self.connections += 1
        link = BumbleLink(self, connection)
        try:
            await asyncio.wait_for(self._prepare(Peer(connection), link), CONNECT_S)
            yield link
        except (BaseBumbleError, TimeoutError) as error:
            raise ConnectionError(repr(error)) from error
        finally:
            await link.end()

    def takes_write(self) -> bool:
        """Return True if the connection outlives the write that comes now. Tests replace this."""
        return True

    async def _prepare(self, peer: "Peer", link: "BumbleLink") -> None:
        from bumble.core import UUID

        if self._mtu is not None:
            await peer.request_mtu(self._mtu)
        service = UUID(advertising.SERVICE_UUID)
        await peer.discover_service(service)
        self.services = [str(one.uuid) for one in peer.services]
        for one in peer.get_services_by_uuid(service):
            await one.discover_characteristics()
        await link.begin(peer)

    async def _power_on(self) -> None:
        if not self._has_power:
            await self._device.power_on()
            self._has_power = True


class BumbleLink:
    """A connection of the phone."""

    def __init__(self, phone: BumblePhone, connection: "Connection") -> None:
        self.is_lost = False
        self._phone = phone
        self._connection = connection
        self._answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._requests: Any = None
        connection.on("disconnection", self._on_lost)

    async def begin(self, peer: "Peer") -> None:
        """Subscribe to the answers."""
        from bumble.core import UUID

        self._requests = peer.get_characteristics_by_uuid(UUID(advertising.REQUEST_UUID))[0]
        answers = peer.get_characteristics_by_uuid(UUID(advertising.ANSWER_UUID))[0]
        await answers.subscribe(self._answers.put_nowait)

    async def write(self, data: bytes) -> None:
        """Write bytes, in as many writes as the connection needs."""
        size = self._connection.att_mtu - _MTU_OVERHEAD
        for start in range(0, len(data), size):
            if self.is_lost:
                raise ConnectionError("the connection is lost")
            written = self._requests.write_value(data[start : start + size], with_response=True)
            await asyncio.wait_for(written, WRITE_S)
            if not self._phone.takes_write():
                await self.end()
                raise ConnectionError("the connection is lost")

    async def read(self, timeout_s: float) -> bytes:
        """Return bytes from the meter. Raise TimeoutError if none come in time."""
        data = await asyncio.wait_for(self._answers.get(), timeout_s)
        if data is None:
            raise ConnectionError("the connection is lost")
        return bytes(data)

    async def end(self) -> None:
        """End the connection. If the meter ends it at the same moment, nobody confirms this end."""
        from bumble.core import BaseBumbleError

        if not self.is_lost:
            self.is_lost = True
            with suppress(BaseBumbleError, TimeoutError):
                await asyncio.wait_for(self._connection.disconnect(), END_S)

    def _on_lost(self, _reason: int) -> None:
        self.is_lost = True
        self._answers.put_nowait(None)
