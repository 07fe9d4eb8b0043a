"""A strict fake of aioble, after its documents and the behaviour of MicroPython's `bluetooth` below it.

A plain characteristic keeps 20 bytes of a write and drops the rest without a word. A buffered one keeps `max_len`.
With `append`, writes join until somebody reads, and the reading empties it. Without it a write replaces the value.
`written` waits for a signal that stays until it was waited for. Nothing but `connection.timeout` and the arguments
`timeout_ms` ends a wait. A call that the documents do not permit raises AssertionError.
"""

import asyncio
import sys

PLAIN_LENGTH = 20
MTU_OVERHEAD = 3


class DeviceDisconnectedError(Exception):
    """Raised inside `connection.timeout` when the peer leaves."""


class UUID:
    """A UUID of the module `bluetooth`."""

    def __init__(self, text):
        assert len(text) == 36
        self.text = text


class Aioble:
    """The module, with its radio. `phone_connects` and its kin are the other end."""

    DeviceDisconnectedError = DeviceDisconnectedError

    def __init__(self, clock):
        self.clock = clock
        self.is_on = False
        self.services = []
        self.advertised = None
        self.connection = None
        self.mtu = None
        self.starts = 0
        aioble = self

        class Service:
            def __init__(self, uuid):
                self.uuid = uuid
                self.characteristics = []

        class Characteristic:
            length = PLAIN_LENGTH
            is_appending = False

            def __init__(self, service, uuid, read=False, write=False, write_no_response=False, notify=False):
                self.uuid = uuid
                self.is_writable = write or write_no_response
                self.may_notify = notify
                self.is_registered = False
                self.has_signal = False
                self.value = b""
                service.characteristics.append(self)

            def read(self):
                assert aioble.is_on and self.is_registered
                value = self.value
                if self.is_appending:
                    self.value = b""
                return value

            async def written(self, timeout_ms=None):
                assert self.is_writable and self.is_registered
                begun_ms = aioble.clock.ticks_ms()
                while not self.has_signal:
                    await aioble.pause(begun_ms, timeout_ms)
                self.has_signal = False

            def notify(self, connection, data=None):
                if not self.may_notify:
                    raise ValueError("Not supported")
                assert connection.is_connected() and connection is aioble.connection
                assert len(data) <= connection.stack_mtu - MTU_OVERHEAD, "the stack would cut it"
                if connection.queue_is_full:
                    raise OSError(12)
                connection.notified.append(bytes(data))

        class BufferedCharacteristic(Characteristic):
            def __init__(self, *args, max_len=20, append=False, **kwargs):
                super().__init__(*args, **kwargs)
                self.length = max_len
                self.is_appending = append

        self.Service = Service
        self.Characteristic = Characteristic
        self.BufferedCharacteristic = BufferedCharacteristic

    def config(self, mtu):
        """Set the MTU that the radio prefers, which turns it on."""
        self.is_on = True
        self.mtu = mtu

    def stop(self):
        """Turn the radio off, and forget all services."""
        self.is_on = False
        self.services = []
        self.advertised = None

    def register_services(self, *services):
        """Register services. This turns the radio on."""
        assert self.advertised is None and self.connection is None
        self.is_on = True
        self.starts += 1
        self.services = list(services)
        for service in services:
            for one in service.characteristics:
                one.is_registered = True

    async def advertise(self, interval_us, adv_data=None, resp_data=None, timeout_ms=None):
        """Advertise until a phone connects."""
        assert self.is_on and self.services and self.connection is None
        assert len(adv_data) <= 31 and len(resp_data) <= 31 and 20_000 <= interval_us <= 10_240_000
        self.advertised = adv_data, resp_data
        begun_ms = self.clock.ticks_ms()
        try:
            while self.connection is None:
                await self.pause(begun_ms, timeout_ms)
        finally:
            self.advertised = None
        return self.connection

    async def pause(self, begun_ms, timeout_ms):
        """Wait a little. End the wait as aioble does: at its time limit, or when the peer has left."""
        timeouts = self.connection.timeouts if self.connection is not None else []
        for one in timeouts:
            if not one.connection.is_connected():
                raise DeviceDisconnectedError
            if one.is_over():
                raise asyncio.TimeoutError
        if timeout_ms is not None and self.clock.ticks_diff(self.clock.ticks_ms(), begun_ms) >= timeout_ms:
            raise asyncio.TimeoutError
        await self.clock.sleep_ms(1)

    # The other end.

    def phone_connects(self, stack_mtu=23, knows_mtu=True):
        """Connect, if the meter advertises."""
        assert self.advertised is not None, "nobody advertises"
        self.connection = Connection(self, stack_mtu, stack_mtu if knows_mtu else None)
        return self.connection

    def phone_writes(self, uuid, data):
        """Write a characteristic, cut as the stack cuts it."""
        assert self.connection is not None and self.connection.is_connected()
        one = self._characteristic(uuid)
        assert one.is_writable
        before = one.value if one.is_appending else b""
        one.value = (before + data)[: one.length]
        one.has_signal = True

    def phone_leaves(self):
        """Leave."""
        self.connection.is_there = False

    def _characteristic(self, uuid):
        for service in self.services:
            for one in service.characteristics:
                if one.uuid.text == uuid:
                    return one
        raise AssertionError("no characteristic " + uuid)


class Connection:
    """A connection. `mtu` is None until the MTU was exchanged."""

    def __init__(self, aioble, stack_mtu, mtu):
        self.aioble = aioble
        self.stack_mtu = stack_mtu
        self.mtu = mtu
        self.is_there = True
        self.queue_is_full = False
        self.ignores_disconnect = False
        self.notified = []
        self.timeouts = []

    def is_connected(self):
        """Return True while the peer is there."""
        return self.is_there

    def timeout(self, timeout_ms):
        """Return a context that ends a wait."""
        return Timeout(self, timeout_ms)

    async def disconnect(self, timeout_ms=2000):
        """Disconnect, and wait until the stack confirms it."""
        if self.ignores_disconnect:
            await self.aioble.clock.sleep_ms(timeout_ms)
            self.aioble.connection = None
            raise asyncio.TimeoutError
        self.is_there = False
        self.aioble.connection = None


class Timeout:
    """The context of `connection.timeout`."""

    def __init__(self, connection, timeout_ms):
        self.connection = connection
        self._timeout_ms = timeout_ms

    def __enter__(self):
        clock = self.connection.aioble.clock
        self._begun_ms = clock.ticks_ms()
        self.connection.timeouts.append(self)

    def __exit__(self, *_error):
        self.connection.timeouts.remove(self)

    def is_over(self):
        """Return True at the end of the time."""
        clock = self.connection.aioble.clock
        return clock.ticks_diff(clock.ticks_ms(), self._begun_ms) >= self._timeout_ms


class FakeBluetooth:
    """The module `bluetooth`."""

    UUID = UUID


def install(clock):
    """Put the fake in place of `aioble` and `bluetooth`, and return it."""
    fake = Aioble(clock)
    sys.modules["aioble"] = fake
    sys.modules["bluetooth"] = FakeBluetooth()
    return fake


def remove():
    """Take the fake away."""
    del sys.modules["aioble"], sys.modules["bluetooth"]
