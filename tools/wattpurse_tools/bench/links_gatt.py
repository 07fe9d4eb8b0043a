"""The time of a token by Bluetooth.

`gatt_token_ms` is the slowest of some visits, from the begin of the connection to the outcome in the phone's hands: the
wait for an advertisement, connection, MTU, discovery of the service, subscription, token, acknowledgement. Both ends
run on this computer, over the stack of `bumble`. The meter is the simulated one, and the time that its flash takes is
added as its model charges it. The radio is virtual: each packet waits for the next connection event, every 30 ms as
phones choose it, and the meter advertises every 250 ms. `gatt_token_computer_ms` is the median without these waits of
packets, so the rest is the share of the virtual radio. An RP2040 computes slower than this computer: `tap_credit_ms` of
`wattpurse bench` has the time of a token on the chip.
"""

import asyncio
import statistics
import time

from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.hci import Address
from bumble.link import LocalLink

from boards.host.bumble_radio import METER_ADDRESS, BumbleRadio, virtual_device
from boards.host.chips.aes import aes
from boards.host.world.world import World
from wattpurse.app import Meter
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.core.seals import keys
from wattpurse.services import bluetooth
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse_tools.bench.figures import AT_MOST, REPORTED, Figure
from wattpurse_tools.bench.meter import Measured
from wattpurse_tools.blocking import Ticks
from wattpurse_tools.fob.bumble_radio import BumblePhone
from wattpurse_tools.fob.talk import Conversation
from wattpurse_tools.places import ROOT
from wattpurse_tools.tariffs.tariff_file import load_table

FIGURES = (
    Figure(
        "gatt_token_ms", "ms", AT_MOST, 1_000, "a token by Bluetooth, connect to acknowledged, with a virtual radio"
    ),
    Figure("gatt_token_computer_ms", "ms", REPORTED, None, "of that without the waits of the virtual radio"),
)
VISITS = 20
CONNECTION_INTERVAL_S = 0.03

_TARIFF = ROOT / "tools/examples/tariff-household.toml"
_METER_NUMBER = 10_000_001
_METER_KEY = bytes(range(16))
_SITE_KEY = bytes(range(16, 32))
_AMOUNT_MICROUNITS = 5_000_000
_START_LIMIT_S = 10
_SETTLE_MS = 50
_STEP_S = 1e-6


class RealClock(Ticks):
    """Real time in the ticks of `hal.Clock`."""

    def ticks_us(self) -> int:
        """Return microseconds."""
        return time.monotonic_ns() // 1000

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep."""
        await asyncio.sleep(duration_ms / 1000)


class PacedLink(LocalLink):
    """A virtual radio on which each packet waits for the next connection event. An interval of 0 has no waits."""

    def __init__(self, interval_s: float) -> None:
        super().__init__()
        self._interval_s = interval_s
        self._newest_s = 0.0

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Send a packet at the next connection event, and never before an earlier one."""
        send = super().send_acl_data
        if not self._interval_s:
            send(sender_controller, destination_address, transport, data)
            return
        loop = asyncio.get_running_loop()
        event_s = (loop.time() // self._interval_s + 1) * self._interval_s
        self._newest_s = max(event_s, self._newest_s + _STEP_S)
        loop.call_at(self._newest_s, send, sender_controller, destination_address, transport, data)


def measure(visits: int = VISITS) -> Measured:
    """Return the figures by name."""
    world = _commissioned_world()
    with_radio = asyncio.run(_times_ms(world, visits, CONNECTION_INTERVAL_S, 1))
    without = asyncio.run(_times_ms(world, visits, 0, 1 + visits))
    figures = {"gatt_token_ms": max(with_radio), "gatt_token_computer_ms": statistics.median(without)}
    return figures, []


def _commissioned_world() -> World:
    """Return the world of a meter in service. Its tasks have ended: the visits use its parts alone."""
    world = World(Meter)
    world.run_until(lambda: world.meter is not None, _START_LIMIT_S)
    words = ["commission", str(_METER_NUMBER), _METER_KEY.hex(), _SITE_KEY.hex(), "1000", PrepaidMoney.name, "246810"]
    world.type_line(" ".join([*words, load_table(_TARIFF).hex()]))
    world.reset_board()
    if not world.run_until(lambda: world.account is not None, _START_LIMIT_S):
        raise ValueError("the meter does not start with its ledger")
    world.run_for(_START_LIMIT_S)
    world.close()
    return world


async def _times_ms(world: World, visits: int, interval_s: float, first_sequence: int) -> list[float]:
    """Return the time of each visit, that of the flash among it."""
    meter = world.meter
    if meter is None:
        raise ValueError("the meter does not run")
    link, clock = PacedLink(interval_s), RealClock()
    meter.settings.set(bluetooth.SETTING, 1)
    service = Bluetooth(
        port=BumbleRadio(clock, virtual_device(link, METER_ADDRESS), asyncio.get_running_loop()),
        stores=meter.stores,
        clock=clock,
        teller=meter.teller,
        statements=meter.statements,
        numbers=StatementNumbers(meter.settings, "bluetooth_numbers"),
        show_outcome=lambda _result: None,
    )
    serving = asyncio.create_task(service.run())
    phone = BumblePhone(link)
    times_ms = []
    for sequence in range(first_sequence, first_sequence + visits):
        await clock.sleep_ms(_SETTLE_MS)
        sealed = _credit(sequence)
        begun_s, flash_us = time.monotonic(), world.clock.now_us
        async with phone.connect(METER_ADDRESS) as connection:
            result = await Conversation(connection).deliver(sealed)
            ended_s = time.monotonic()
        if result != outcome.ACCEPTED:
            raise ValueError(f"the meter did not accept the token: {outcome.text(result)}")
        times_ms.append((ended_s - begun_s) * 1000 + (world.clock.now_us - flash_us) / 1000)
    serving.cancel()
    return times_ms


def _credit(sequence: int) -> bytes:
    kind, body = token.make(token.CREDIT_MONEY, _AMOUNT_MICROUNITS)
    return token.seal_token(aes, keys.token_keys(aes, _METER_KEY), 1, _METER_NUMBER, sequence, kind, body)
