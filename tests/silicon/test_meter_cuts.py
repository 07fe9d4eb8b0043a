"""Power cuts inside the flash operations of the boot ROM, one place after another; `tests/proof/chip.py` draws more."""

from boards.host.chips.flash import SECTOR_SIZE
from tests.silicon.meter_bench import STATION, account_in_flash, card_with, tap
from wattpurse.stores import LEDGER_RING
from wattpurse_tools.emulation.ring import read_ring

CREDIT = 20_000_000
START_OPERATIONS = 14
SUPPLY_CLOSES_S = 3  # and the event of it is in flash
TOP_UP_OPERATIONS = 2  # each token is in the top-up log, in both copies, before the ledger has its credit


def torn(meter, kind):
    return meter.pico.statistics()["flash"][kind]


def ledger_in_flash(meter):
    first, sectors = LEDGER_RING
    return read_ring(meter.pico)[first * SECTOR_SIZE : (first + 2 * sectors) * SECTOR_SIZE]


def run_to_the_cut(meter, limit_s):
    return meter.run_until(lambda: not meter.pico.powered, limit_s, step_us=1000)


def test_a_cut_in_the_credit_record_leaves_all_of_it_or_nothing(meter):
    meter.source.set_load_w(0)
    tap(meter, card_with(CREDIT))  # the first entry of a new top-up log needs erases too
    meter.run_for(SUPPLY_CLOSES_S)
    for number in range(2, 6):
        card = card_with(CREDIT, first_number=number)
        before = ledger_in_flash(meter)
        operation = TOP_UP_OPERATIONS + number % 2  # the first copy of the record, then the second, and so on
        meter.pico.plan_power_cut(flash_operations=operation, fraction=(number - 1) / 5, tear="ragged")
        meter.insert(card)
        assert run_to_the_cut(meter, 3)
        meter.remove(card)
        assert torn(meter, "torn_programs") == number - 1
        assert ledger_in_flash(meter) != before
        bought = account_in_flash(meter).money.bought
        assert bought in ((number - 1) * CREDIT, number * CREDIT)
        assert STATION.statement(card) is None
        meter.power_up()
        meter.await_console()
        assert account_in_flash(meter).money.bought == bought
        tap(meter, card)
        assert account_in_flash(meter).money.bought == number * CREDIT
        assert STATION.statement(card)["bought"] == number * CREDIT


def test_cuts_in_erases_while_the_meter_starts_change_nothing(meter):
    tap(meter, card_with(CREDIT))
    meter.run_for(3)
    meter.source.set_load_w(0)
    meter.run_for(0.5)
    account = account_in_flash(meter)
    known = account.money.bought, account.money.charged, account.pulses_total
    assert account.pulses_total == meter.source.pulses_total
    for operation in range(0, START_OPERATIONS, 2):
        if meter.pico.powered:
            meter.power_lost()
        meter.power_up()
        meter.pico.plan_power_cut(flash_operations=operation, fraction=0.5, tear="ragged")
        run_to_the_cut(meter, 1)
        account = account_in_flash(meter)
        assert (account.money.bought, account.money.charged, account.pulses_total) == known
    assert torn(meter, "torn_erases") >= 2
    assert torn(meter, "torn_programs") >= 2
    if meter.pico.powered:
        meter.power_lost()
    meter.pico.serial_received.clear()
    meter.power_up()
    meter.await_console()
    account = account_in_flash(meter)
    assert (account.money.bought, account.money.charged, account.pulses_total) == known
