"""The radio over `bleak`, against a strict fake of its interface that reaches a meter over real GATT.

The fake binds each call to the signature of the real `bleak`, so a call that it would refuse fails here too.
"""

import asyncio
import inspect
from types import SimpleNamespace

import bleak
import pytest
from bleak.exc import BleakError

from tests.services.desk_bench import METER, DeskBench, sealed
from tests.tools.fob.doorstep import Doorstep
from wattpurse.core import outcome
from wattpurse.core.messages import advertising, frames
from wattpurse_tools.fob.bleak_radio import BleakRadio
from wattpurse_tools.fob.talk import Talk

METER_ADDRESS = "F0:F1:F2:F3:F4:F5"


@pytest.fixture
def meter():
    bench = DeskBench()
    bench.new_meter()
    return bench


@pytest.fixture
def air(monkeypatch, meter):
    """Put a fake of bleak before a meter. Return its Doorstep."""
    doorstep = Doorstep(meter)
    real_discover, real_client = bleak.BleakScanner.discover, bleak.BleakClient

    def must_fit(function, *arguments, **named):
        inspect.signature(function).bind(*arguments, **named)

    class Scanner:
        @staticmethod
        async def discover(**named):
            must_fit(real_discover, **named)
            assert named["service_uuids"] == [advertising.SERVICE_UUID] and named["return_adv"]
            found = await doorstep.scan(named["timeout"])
            return {
                one.address: (
                    SimpleNamespace(address=one.address),
                    SimpleNamespace(
                        manufacturer_data={
                            advertising.NO_COMPANY: advertising.advertisement(one.meter, one.alarms)[-6:]
                        },
                        rssi=one.rssi,
                    ),
                )
                for one in found
            }

    class Client:
        def __init__(self, device, disconnected_callback=None, **named):
            must_fit(real_client, device, disconnected_callback, **named)
            self._address = getattr(device, "address", device)
            self._on_disconnected = disconnected_callback
            self.services = SimpleNamespace(get_characteristic=self._characteristic)

        async def connect(self):
            self._context = doorstep.connect(self._address)
            try:
                self._link = await self._context.__aenter__()
            except OSError as error:
                raise BleakError(str(error)) from error

        async def start_notify(self, uuid, callback):
            must_fit(real_client.start_notify, self, uuid, callback)
            assert uuid == advertising.ANSWER_UUID
            self._reading = asyncio.create_task(self._read(callback))

        async def write_gatt_char(self, uuid, data, response=None):
            must_fit(real_client.write_gatt_char, self, uuid, data, response=response)
            assert uuid == advertising.REQUEST_UUID and len(data) <= 20
            try:
                await self._link.write(data)
            except ConnectionError as error:
                raise BleakError(str(error)) from error

        async def disconnect(self):
            self._reading.cancel()
            await self._context.__aexit__(None, None, None)

        def _characteristic(self, uuid):
            is_there = uuid == advertising.REQUEST_UUID
            return SimpleNamespace(max_write_without_response_size=20) if is_there else None

        async def _read(self, callback):
            while True:
                try:
                    callback(None, bytearray(await self._link.read(60)))
                except ConnectionError:
                    return self._on_disconnected(self)

    monkeypatch.setattr(bleak, "BleakScanner", Scanner)
    monkeypatch.setattr(bleak, "BleakClient", Client)
    return doorstep


def test_a_scan_finds_number_and_alarms(air, meter):
    meter.settings.set("tamper", 1)
    found = asyncio.run(BleakRadio().scan(1))
    assert [(one.meter, one.alarms, one.address) for one in found] == [(METER, 1, METER_ADDRESS)]


def test_tokens_and_statement_go_over_it(air, meter):
    outcomes = []

    async def visit():
        radio = BleakRadio()
        await radio.scan(1)
        talk = Talk(radio, METER_ADDRESS)
        await talk.deliver([sealed()], lambda data, result: outcomes.append(result))
        return await talk.statement()

    content = asyncio.run(visit())
    assert outcomes == [outcome.ACCEPTED]
    assert meter.ledger.account.money.bought == 20_000_000
    assert len(frames.split_number(content)[1]) > 32


def test_a_meter_that_is_not_there_is_an_error(air):
    async def visit():
        radio = BleakRadio()
        await radio.scan(1)
        async with radio.connect("00:00:00:00:00:01"):
            pass

    with pytest.raises(OSError, match="no connection to 00:00:00:00:00:01"):
        asyncio.run(visit())


def test_a_lost_connection_ends_the_wait_for_an_answer(air, meter):
    async def visit():
        radio = BleakRadio()
        await radio.scan(1)
        async with radio.connect(METER_ADDRESS) as link:
            meter.settings.set("bluetooth", 0)
            with pytest.raises(ConnectionError):
                await link.read(30)

    asyncio.run(visit())
