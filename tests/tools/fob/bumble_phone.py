"""A phone for tests: the seam `fob.radio.Radio` over the package `bumble`, on the virtual link of the meter's radio."""

import asyncio
from contextlib import asynccontextmanager

from boards.host.bumble_radio import virtual_device
from wattpurse.core.messages import advertising
from wattpurse_tools.fob.radio import FoundMeter

PHONE_ADDRESS = "E0:E1:E2:E3:E4:E5"
CONNECT_S = 5
MTU_OVERHEAD = 3


class BumblePhone:
    """A phone on a `LocalLink`. `mtu` None leaves the smallest one, of 23 bytes.

    `drops` are numbers of writes, counted over all connections, after which the connection is lost at once.
    """

    def __init__(self, link, mtu=247, drops=()):
        self._device = virtual_device(link, PHONE_ADDRESS)
        self._mtu = mtu
        self._drops = list(drops)
        self._has_power = False
        self.writes = 0
        self.connections = 0
        self.services = None

    async def scan(self, seconds):
        """Return the meters that advertise."""
        await self._power_on()
        found = {}

        def note(advertisement):
            for data in advertisement.data.get_all(0xFF, raw=True):
                state = advertising.read_state(data[2:])
                if state is not None:
                    address = str(advertisement.address)
                    found[address] = FoundMeter(address, state[1], state[2], advertisement.rssi)

        self._device.on("advertisement", note)
        await self._device.start_scanning(filter_duplicates=False)
        await asyncio.sleep(seconds)
        await self._device.stop_scanning()
        return list(found.values())

    @asynccontextmanager
    async def connect(self, address):
        """Connect, find the service and subscribe."""
        from bumble.core import BaseBumbleError
        from bumble.device import Peer

        await self._power_on()
        try:
            connection = await self._device.connect(address, timeout=CONNECT_S)
        except (BaseBumbleError, TimeoutError) as error:
            raise OSError(f"no connection: {error!r}") from error
        self.connections += 1
        link = BumbleLink(self, connection)
        try:
            peer = Peer(connection)
            if self._mtu is not None:
                await peer.request_mtu(self._mtu)
            await peer.discover_services()
            self.services = [str(service.uuid) for service in peer.services]
            for service in peer.services:
                await service.discover_characteristics()
            await link.begin(peer)
            yield link
        except BaseBumbleError as error:
            raise ConnectionError(repr(error)) from error
        finally:
            if not link.is_lost:
                await connection.disconnect()

    def takes(self):
        """Return True if the connection outlives the write that comes now."""
        self.writes += 1
        return self.writes not in self._drops

    async def _power_on(self):
        if not self._has_power:
            await self._device.power_on()
            self._has_power = True


class BumbleLink:
    """A connection of the phone."""

    def __init__(self, phone, connection):
        self.is_lost = False
        self._phone = phone
        self._connection = connection
        self._answers = asyncio.Queue()
        self._requests = None
        connection.on("disconnection", self._on_lost)

    async def begin(self, peer):
        """Subscribe to the answers."""
        self._requests = peer.get_characteristics_by_uuid(_uuid(advertising.REQUEST_UUID))[0]
        answers = peer.get_characteristics_by_uuid(_uuid(advertising.ANSWER_UUID))[0]
        await answers.subscribe(self._answers.put_nowait)

    async def write(self, data):
        """Write bytes, in as many writes as the connection needs."""
        size = self._connection.att_mtu - MTU_OVERHEAD
        for start in range(0, len(data), size):
            if self.is_lost:
                raise ConnectionError("the connection is lost")
            await self._requests.write_value(data[start : start + size], with_response=True)
            if not self._phone.takes():
                await self._connection.disconnect()
                self.is_lost = True
                raise ConnectionError("the connection is lost")

    async def read(self, timeout_s):
        """Return bytes from the meter."""
        data = await asyncio.wait_for(self._answers.get(), timeout_s)
        if data is None:
            raise ConnectionError("the connection is lost")
        return bytes(data)

    def _on_lost(self, _reason):
        self.is_lost = True
        self._answers.put_nowait(None)


def _uuid(text):
    from bumble.core import UUID

    return UUID(text)
