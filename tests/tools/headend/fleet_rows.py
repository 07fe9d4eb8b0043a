"""Rows of a fleet for the tests of the operations pages: meters in each state, links, permits, commands."""

from tests.tools.office.desk_rows import DAY_S, add_token, make_street
from wattpurse_tools.headend import command_queue
from wattpurse_tools.record.models import ManagedAccount, Meter, MeterLink, Tenancy

HOUR_S = 3600


def connect(number, seen_s, firmware="1.0.0", is_online=True, alarms=""):
    """Add the link of a meter."""
    Meter.objects.filter(number=number).update(seen_s=seen_s)
    return MeterLink.objects.create(
        meter_id=number, changed_s=seen_s, firmware=firmware, is_online=is_online, alarms=alarms
    )


def manage(number, now_s, permit_until_s=0, **fields):
    """Add the managed account of the tenancy at a meter."""
    tenancy = Tenancy.objects.get(meter_number=number, until_s=None)
    Meter.objects.filter(number=number).update(contract="managed")
    return ManagedAccount.objects.create(
        tenancy=tenancy, meter_id=number, opened_s=now_s - DAY_S, permit_until_s=permit_until_s, **fields
    )


def make_fleet(now_s):
    """Add meters 1001 to 1007 at feeder North, one in each state: the order is that of `fleet.STATES`."""
    make_street(7)
    Meter.objects.filter(number=900).update(is_retired=True)
    Meter.objects.filter(number=1001).update(is_stopped=True, stop_reason="books")
    connect(1001, now_s - 1)
    connect(1002, now_s - 1, alarms="tamper")
    connect(1003, now_s - 2 * DAY_S)
    connect(1004, now_s - HOUR_S, is_online=False)
    connect(1005, now_s - 60, firmware="1.1.0")
    manage(1005, now_s, now_s + 2 * DAY_S, is_ordered_on=False)
    connect(1006, now_s - 30, firmware="1.1.0")


def queue_token(number, wish, key, now_s):
    """Queue a token of credit for a meter and return its command."""
    return command_queue.queue([add_token(number, now_s, 1_000_000, state="issued")], wish, key, now_s)[0]
