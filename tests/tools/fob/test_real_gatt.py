"""Tokens and statements over real GATT: the meter's service and the phone's library, with `bumble` at both ends."""

import asyncio

import pytest
from bumble.link import LocalLink

from boards.host.bumble_radio import METER_ADDRESS, BumbleRadio, virtual_device
from boards.host.chips.aes import aes
from tests.services import helpers
from tests.tools.fob.bumble_phone import BumblePhone
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import advertising, frames, statement, token
from wattpurse.core.seals import keys
from wattpurse.services import bluetooth
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse_tools.fob.talk import Conversation, Talk

CREDIT = helpers.seal(1, token.CREDIT_MONEY, 5_000_000)
LONG = helpers.seal(2, token.TARIFF, bytes(900))  # authentic, and no tariff


@pytest.fixture
def bench():
    bench = helpers.Bench()
    bench.settings.set(bluetooth.SETTING, 1)
    return bench


def with_phone(bench, story, **traits):
    """Run `story(phone)` beside the meter's service, and return its result."""

    async def run():
        link = LocalLink()
        device = virtual_device(link, METER_ADDRESS)
        service = Bluetooth(
            port=BumbleRadio(bench.clock, device, asyncio.get_running_loop()),
            stores=bench.stores,
            clock=bench.clock,
            teller=bench.teller,
            statements=bench.statements,
            numbers=StatementNumbers(bench.settings, "bluetooth_numbers"),
            show_outcome=lambda result: None,
        )
        task = asyncio.create_task(service.run())
        await bench.clock.sleep_ms(100)
        phone = BumblePhone(link, **traits)
        try:
            return await story(phone)
        finally:
            assert not task.done() or task.result()
            task.cancel()

    return bench.clock.run(run())


def deliver(bench, tokens, **traits):
    """Deliver tokens. Return their outcomes and the phone."""
    outcomes = []

    async def story(phone):
        await Talk(phone, METER_ADDRESS).deliver(tokens, lambda sealed, result: outcomes.append(result))
        return phone

    return outcomes, with_phone(bench, story, **traits)


def opened(content):
    number, sealed = frames.split_number(content)
    identity = carrier.statement_identity(carrier.BLE, number)
    return statement.open_statement(
        aes, keys.statement_keys(aes, keys.statement_key(aes, helpers.METER_KEY), identity), sealed
    )


def test_a_scan_finds_the_meter_its_number_and_its_alarms(bench):
    bench.settings.set("tamper", 1)
    found = with_phone(bench, lambda phone: phone.scan(1))
    assert [(one.meter, one.alarms) for one in found] == [(helpers.METER_NUMBER, statement.ALARM_TAMPER)]


@pytest.mark.parametrize("mtu", [None, 50, 247, 517])
def test_a_token_is_delivered_at_any_mtu(bench, mtu):
    outcomes, phone = deliver(bench, [CREDIT], mtu=mtu)
    assert outcomes == [outcome.ACCEPTED]
    assert bench.ledger.account.money.bought == 5_000_000
    assert advertising.SERVICE_UUID.replace("-", "").upper() in "".join(phone.services).replace("-", "")


@pytest.mark.parametrize("mtu", [None, 247])
def test_a_statement_arrives_whole_at_any_mtu(bench, mtu):
    deliver(bench, [CREDIT])
    content = with_phone(bench, lambda phone: Talk(phone, METER_ADDRESS).statement(), mtu=mtu)
    assert (opened(content)["meter_number"], opened(content)["balance"]) == (helpers.METER_NUMBER, 5_000_000)


@pytest.mark.parametrize("lost", range(1, 8))
def test_a_connection_lost_after_any_write_loses_and_doubles_nothing(bench, lost):
    outcomes, phone = deliver(bench, [LONG, CREDIT], drops=[lost])
    assert outcomes == [outcome.NOT_SUPPORTED, outcome.ACCEPTED]
    assert bench.ledger.account.money.bought == 5_000_000
    assert phone.connections == 2


def test_a_long_token_is_not_sent_again_from_its_begin(bench):
    _, whole = deliver(bench, [LONG])
    bench = helpers.Bench()
    bench.settings.set(bluetooth.SETTING, 1)
    _, cut = deliver(bench, [LONG], drops=[4])
    assert cut.writes <= whole.writes + 2


def test_while_a_customer_is_connected_nobody_else_gets_in(bench):
    async def story(phone):
        async with phone.connect(METER_ADDRESS) as link:
            scanned = await phone.scan(1)
            result = await Conversation(link).deliver(CREDIT)
        return scanned, result

    assert with_phone(bench, story) == ([], outcome.ACCEPTED)


def test_a_silent_customer_is_sent_away(bench):
    async def story(phone):
        async with phone.connect(METER_ADDRESS) as link:
            with pytest.raises(ConnectionError):
                await link.read(60)
        return await Talk(phone, METER_ADDRESS).statement()

    assert opened(with_phone(bench, story))["balance"] == 0
