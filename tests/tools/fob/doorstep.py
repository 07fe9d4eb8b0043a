"""A phone in front of a meter, in real time: the radio that the commands get in place of `bleak`."""

import asyncio

from bumble.link import LocalLink

from boards.host.bumble_radio import METER_ADDRESS, BumbleRadio, virtual_device
from boards.host.chips.aes import aes
from tests.tools.fob.bumble_phone import BumblePhone
from wattpurse.core.money import supply
from wattpurse.services import bluetooth
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse.services.statements import Statements
from wattpurse_tools.bench.links_gatt import RealClock

SCAN_S = 0.3


class Doorstep:
    """The meter of a bench (`stores`, `teller`, `timekeeper`), which serves as soon as somebody scans."""

    def __init__(self, meter, **traits):
        meter.settings.set(bluetooth.SETTING, 1)
        self._meter = meter
        self._traits = traits
        self.phone = None

    async def scan(self, seconds):
        """Start the meter's service, and return the meters in range."""
        link = LocalLink()
        clock = RealClock()
        meter = self._meter
        service = Bluetooth(
            port=BumbleRadio(clock, virtual_device(link, METER_ADDRESS), asyncio.get_running_loop()),
            stores=meter.stores,
            clock=clock,
            teller=meter.teller,
            statements=Statements(meter.stores, meter.timekeeper, aes, lambda: supply.ON),
            numbers=StatementNumbers(meter.settings, "bluetooth_numbers"),
            show_outcome=lambda result: None,
        )
        self._task = asyncio.create_task(service.run())
        await asyncio.sleep(0.1)
        self.phone = BumblePhone(link, **self._traits)
        return await self.phone.scan(min(seconds, SCAN_S))

    def connect(self, address):
        """Connect the phone."""
        return self.phone.connect(address)
