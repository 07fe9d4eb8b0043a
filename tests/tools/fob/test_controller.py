"""The radio of `make run --bluetooth`: a controller behind HCI, and the meter's Bluetooth stack in a thread."""

import asyncio
import socket
import threading

import pytest
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport import open_transport

from boards.host.bumble_radio import METER_ADDRESS, real_radio
from boards.host.chips.aes import aes
from tests.services import helpers
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.services import bluetooth
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse.services.statements import Statements
from wattpurse_tools.bench.links_gatt import RealClock
from wattpurse_tools.fob.bumble_radio import BumblePhone
from wattpurse_tools.fob.talk import Talk


@pytest.fixture
def air():
    """Yield `(loop, link, port)`: a virtual radio in a thread, with a controller behind HCI on a TCP port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def open_air():
        link = LocalLink()
        opened = await open_transport(f"tcp-server:127.0.0.1:{port}")
        Controller("meter", opened.source, opened.sink, link=link, public_address=METER_ADDRESS)
        return link, opened

    link, opened = asyncio.run_coroutine_threadsafe(open_air(), loop).result(10)
    yield loop, link, port
    asyncio.run_coroutine_threadsafe(opened.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_a_token_reaches_the_meter_through_a_controller(air):
    loop, link, port = air
    bench, clock = helpers.Bench(), RealClock()
    bench.settings.set(bluetooth.SETTING, 1)
    service = Bluetooth(
        port=real_radio(clock, f"tcp-client:127.0.0.1:{port}"),
        stores=bench.stores,
        clock=clock,
        teller=bench.teller,
        statements=Statements(bench.stores, bench.timekeeper, aes, lambda: supply.ON),
        numbers=StatementNumbers(bench.settings, "bluetooth_numbers"),
        show_outcome=lambda result: None,
    )
    outcomes = []

    async def phone():
        await Talk(BumblePhone(link), METER_ADDRESS).deliver(
            [helpers.seal(1, token.CREDIT_MONEY, 5_000_000)], lambda sealed, result: outcomes.append(result)
        )

    async def meet():
        serving = asyncio.create_task(service.run())
        try:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(phone(), loop))
        finally:
            serving.cancel()

    asyncio.run(meet())
    assert outcomes == [outcome.ACCEPTED]
    assert bench.ledger.account.money.bought == 5_000_000


def test_a_controller_that_is_not_there_is_an_error():
    with pytest.raises(OSError, match="no Bluetooth at tcp-client"):
        real_radio(RealClock(), "tcp-client:127.0.0.1:1")
