"""The meter from outside: the real image on the emulated chip, at its display, its switch and its console."""

import json

from boards.host.world.world import FIRST_S
from boards.pico.pins import GPIO
from tests.samples import flat_tariff
from tests.silicon.meter_bench import STATION, account_in_flash, card_with, shows, tap, unforgiven, write_flash
from tests.stories.whole_meter import METER, METER_KEY, PIN, SITE_KEY
from wattpurse.core.guards import tamper
from wattpurse.core.money import supply
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.ring import stores_of

SWITCH_LIMIT_S = 4


def switched(meter, closed):
    """Run until the contact of the load switch is closed, or open. Return False if it does not move in time."""
    return meter.run_until(lambda: meter.relay.contact_closed is closed, SWITCH_LIMIT_S)


def test_a_blank_meter_says_so_and_is_commissioned_at_its_console(tmp_path, meter_image):
    with EmulatedMeter(write_flash(tmp_path / "flash.bin", meter_image), utc_s=FIRST_S) as meter:
        meter.source.set_load_w(2_000)
        meter.power_up()
        meter.await_console()
        assert switched(meter, closed=False)
        assert meter.run_until(lambda: shows(meter, "E 10"), 2)
        assert meter.pico.statistics()["flash"]["operations"] == 0
        meter.commission(METER, (METER_KEY, SITE_KEY), "prepaid-money", PIN, flat_tariff())
        assert meter.run_until(lambda: shows(meter, "C  0.00"), 3)
        status = json.loads(meter.type_line("status --json")[0])
        assert status["meter_number"] == METER
        assert status["flash_chip"] == "EF4015"
        assert "flash tested, JEDEC ID EF4015" in "\n".join(meter.type_line("events"))
        assert not meter.relay.contact_closed
        assert stores_of(meter.pico).fault == supply.ON
        assert unforgiven(meter) == []


def test_a_tap_credits_and_closes_supply(meter):
    assert switched(meter, closed=False)
    card = card_with(20_000_000)
    meter.insert(card)
    assert meter.run_until(lambda: shows(meter, "C 20.00"), SWITCH_LIMIT_S)
    assert account_in_flash(meter).money.bought == 20_000_000
    assert switched(meter, closed=True)
    meter.remove(card)
    statement = STATION.statement(card)
    assert (statement["meter_number"], statement["bought"], statement["windows"][0][0]) == (METER, 20_000_000, 1)
    meter.run_for(10)
    assert account_in_flash(meter).pulses_total == meter.source.pulses_total > 0
    tap(meter, card)
    assert account_in_flash(meter).money.bought == 20_000_000


def test_supply_opens_at_zero_and_closes_after_a_top_up(meter):
    tap(meter, card_with(10_000))
    assert switched(meter, closed=True)
    meter.source.set_load_w(23_000)
    assert meter.run_until(lambda: not meter.relay.contact_closed, 10)
    meter.run_for(3)  # a pulse that came while the switch opened is recorded by the next step of metering
    account = account_in_flash(meter)
    assert account.pulses_total == meter.source.pulses_total
    assert account.money.balance in (0, -250)  # the last paid pulse, or one more while the switch opened
    assert not meter.relay.contact_closed
    tap(meter, card_with(5_000_000, first_number=2))
    assert switched(meter, closed=True)
    assert account_in_flash(meter).money.bought == 5_010_000


def test_a_console_session_over_usb(meter):
    tap(meter, card_with(20_000_000))
    status = json.loads(meter.type_line("status --json")[0])
    assert (status["meter_number"], status["supply"]) == (METER, "on")
    assert "bought     20.000000    0.000000" in meter.type_line("registers")
    change = "terms set low_credit_microunits 1500000"
    assert meter.type_line(change)[0].startswith("refused: 'terms set' needs a login")
    assert meter.type_line("login 000000")[0].startswith("refused")
    meter.run_for(2)
    assert meter.type_line(f"login {PIN}")[0].startswith("logged in")
    assert not meter.type_line(change)[0].startswith("refused")
    events = "\n".join(meter.type_line("events"))
    for words in ("money credited", "wrong PIN", "login", "term changed"):
        assert words in events
    assert account_in_flash(meter).terms["low_credit_microunits"] == 1_500_000


def test_the_meter_meters_on_after_its_flash_chip_was_asked_for_its_name(meter):
    tap(meter, card_with(20_000_000))
    assert switched(meter, closed=True)
    before = account_in_flash(meter).pulses_total
    assert "flash chip      EF4015" in meter.type_line("status")
    assert json.loads(meter.type_line("status --json")[0])["flash_chip"] == "EF4015"
    meter.run_for(10)
    account = account_in_flash(meter)
    assert account.pulses_total == meter.source.pulses_total > before
    tap(meter, card_with(5_000_000, first_number=2))
    assert account_in_flash(meter).money.bought == 25_000_000


def test_a_magnet_at_the_meter_opens_supply_and_stays_in_its_memory(meter):
    tap(meter, card_with(20_000_000))
    assert switched(meter, closed=True)
    meter.cover.sense(True)  # the terms do not watch this sensor
    meter.run_for(1)
    meter.type_line(f"login {PIN}")
    assert meter.type_line("terms set tamper_magnet 2")[0] == "tamper_magnet is 2"
    assert meter.relay.contact_closed
    meter.magnet.sense(True)
    assert meter.run_until(lambda: not meter.relay.contact_closed, 1)
    meter.magnet.sense(False)
    assert meter.run_until(lambda: shows(meter, "E 13"), 5)
    assert stores_of(meter.pico).settings.get("tamper") == tamper.MAGNET
    assert "cleared" in meter.type_line("reset-tamper")[0]
    assert switched(meter, closed=True)


def test_energy_through_an_open_switch_is_found_and_charged(meter):
    tap(meter, card_with(10_000))
    assert switched(meter, closed=True)
    meter.relay.welded = True
    meter.relay.breaks_loose_after = 2
    meter.source.set_load_w(23_000)
    assert meter.run_until(lambda: not meter.relay.contact_closed, 20)
    assert stores_of(meter.pico).settings.get("tamper") == tamper.OPEN_LOAD
    meter.run_for(0.2)
    account = account_in_flash(meter)
    assert account.pulses_total == meter.source.pulses_total
    assert account.money.balance <= -5_000
    status = json.loads(meter.type_line("status --json")[0])
    assert status["tamper"] == ["energy flowed through the open switch"]


def test_the_counter_of_16_bits_wraps_unnoticed(meter):
    tap(meter, card_with(100_000_000))
    assert switched(meter, closed=True)
    meter.source.set_load_w(0)
    meter.run_for(0.5)
    before = account_in_flash(meter).pulses_total
    pulses = 66_000
    meter.pico.pins[GPIO["pulse"]].pulses(62_500, 31_250, pulses)
    meter.run_for(pulses * 62_500 / 1e9 + 0.5)
    assert account_in_flash(meter).pulses_total == before + pulses
