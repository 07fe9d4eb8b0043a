"""Outages, returns and opened cases of meters become messages, each once, and not one for each meter of a feeder."""

import pytest

from tests.tools.office.selling_site import build_site
from wattpurse_tools.headend import delivery, link_events, outbox
from wattpurse_tools.headend.delivery import LATER, Outcome
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.manager_messages import FOR_MANAGERS
from wattpurse_tools.record.models import (
    Customer,
    Feeder,
    HeadendPolicy,
    Installation,
    Message,
    Meter,
    MeterLink,
    Premises,
    Tenancy,
)

START_S = 1_795_867_200  # 2026-11-28 12:00:00 UTC
MINUTE_S = 60
METERS = 10


@pytest.fixture
def site(office_folder):
    """Return the feeders: ten meters, five at each, all online, with a customer each."""
    build_site()
    Tenancy.objects.all().delete()
    Customer.objects.all().delete()
    policy()
    HeadendPolicy.objects.update(quiet_from_minute=0, quiet_until_minute=0)
    feeders = [Feeder.objects.create(name=name) for name in ("north", "south")]
    for number in range(101, 101 + METERS):
        facts = {"currency": "EUR", "decimals": 2, "contract": "managed", "seen_s": START_S}
        meter = Meter.objects.create(number=number, **facts)
        customer = Customer.objects.create(
            number=number, name=f"C{number}", email=f"c{number}@example.org", created_s=0
        )
        place = Premises.objects.create(name=f"House {number}", feeder=feeders[(number - 101) // 5])
        other = Premises.objects.create(name=f"Store {number}", feeder=feeders[1 - (number - 101) // 5])
        Installation.objects.create(meter=meter, premises=other, from_s=0, until_s=1)
        Installation.objects.create(meter=meter, premises=place, from_s=1)
        Tenancy.objects.create(premises=place, customer=customer, meter_number=number, from_s=0)
        MeterLink.objects.create(meter=meter, is_online=True, changed_s=START_S - 86_400)
    return feeders


def set_link(now_s, is_online, numbers):
    MeterLink.objects.filter(pk__in=numbers).update(is_online=is_online, changed_s=now_s)
    Meter.objects.filter(pk__in=numbers).update(seen_s=now_s)


def heard(now_s):
    Meter.objects.filter(link__is_online=True).update(seen_s=now_s)


def rounds(from_s, minutes):
    """Run a round each minute while the meters that are online are heard."""
    for minute in range(minutes):
        heard(from_s + minute * MINUTE_S)
        link_events.run_round(from_s + minute * MINUTE_S)
    return from_s + minutes * MINUTE_S


def kinds():
    return list(Message.objects.order_by("pk").values_list("kind", "customer__number"))


def deliver():
    Message.objects.exclude(channel=FOR_MANAGERS).filter(state=outbox.WAITING).update(state=outbox.SENT, tries=1)


def test_an_outage_is_told_after_its_time_and_the_return_once(site):
    set_link(START_S, False, [101])
    now_s = rounds(START_S, 15)
    assert kinds() == []
    now_s = rounds(now_s, 10)
    assert kinds() == [(outbox.OUTAGE, 101)]
    deliver()
    set_link(now_s, True, [101])
    now_s = rounds(now_s, 2)
    assert len(kinds()) == 1
    rounds(now_s, 10)
    assert kinds() == [(outbox.OUTAGE, 101), (outbox.RETURN, 101)]


def test_a_short_outage_is_not_told(site):
    set_link(START_S, False, [101])
    now_s = rounds(START_S, 14)
    set_link(now_s, True, [101])
    rounds(now_s, 30)
    assert kinds() == []


def test_who_was_not_yet_written_to_is_not_told_of_the_return(site):
    set_link(START_S, False, [101])
    now_s = rounds(START_S, 16)
    set_link(now_s, True, [101])
    rounds(now_s, 5)
    assert list(Message.objects.values_list("kind", "state")) == [(outbox.OUTAGE, outbox.WITHDRAWN)]


class Mails:
    """A transport that is out or not, and keeps the kinds of what it sent."""

    def __init__(self):
        self.is_out = True
        self.sent = []

    def send(self, message, now_s):
        if self.is_out:
            return Outcome(LATER, "no connection", stops_channel=True)
        self.sent.append(message.kind)
        return Outcome(outbox.SENT)


def test_an_outage_that_was_put_off_and_is_over_is_not_told_nor_its_end(site):
    mails = Mails()
    set_link(START_S, False, [101])
    now_s = rounds(START_S, 16)
    delivery.run_round(now_s, {outbox.MAIL: mails})
    assert Message.objects.get().tries == 1
    set_link(now_s, True, [101])
    now_s = rounds(now_s, 5)
    mails.is_out = False
    delivery.run_round(now_s + 3600, {outbox.MAIL: mails})
    assert mails.sent == []
    assert list(Message.objects.values_list("kind", "state")) == [(outbox.OUTAGE, outbox.WITHDRAWN)]


def test_the_return_is_told_on_the_channels_of_the_outage(site):
    Customer.objects.filter(number=101).update(phone="+491701234567")
    set_link(START_S, False, [101])
    now_s = rounds(START_S, 16)
    Message.objects.filter(channel=outbox.SMS).update(state=outbox.SENT)
    set_link(now_s, True, [101])
    rounds(now_s, 5)
    assert list(Message.objects.order_by("pk").values_list("kind", "channel", "state")) == [
        (outbox.OUTAGE, outbox.MAIL, outbox.WITHDRAWN),
        (outbox.OUTAGE, outbox.SMS, outbox.SENT),
        (outbox.RETURN, outbox.SMS, outbox.WAITING),
    ]


def test_a_return_that_waits_is_not_told_after_the_next_outage(site):
    set_link(START_S, False, [101])
    now_s = rounds(START_S, 16)
    deliver()
    set_link(now_s, True, [101])
    now_s = rounds(now_s, 5)
    set_link(now_s, False, [101])
    rounds(now_s, 16)
    assert list(Message.objects.order_by("pk").values_list("kind", "state")) == [
        (outbox.OUTAGE, outbox.SENT),
        (outbox.RETURN, outbox.WITHDRAWN),
        (outbox.OUTAGE, outbox.WAITING),
    ]


def test_a_silent_meter_is_told_too(site):
    Meter.objects.filter(pk=101).update(seen_s=START_S - 86_400 - 1)
    link_events.run_round(START_S)
    assert kinds() == [(outbox.OUTAGE, 101)]


def test_an_outage_of_a_feeder_is_one_message_to_the_managers(site):
    set_link(START_S, False, [101, 102, 103])
    now_s = rounds(START_S, 30)
    (message,) = Message.objects.all()
    assert (message.channel, message.customer) == (FOR_MANAGERS, None)
    assert "feeder north: 3 of 5 meters" in message.text
    set_link(now_s, True, [101, 102])
    now_s = rounds(now_s, 15)
    assert kinds() == [("managers", None), ("managers", None)]
    rounds(now_s, 5)
    assert kinds()[2:] == [(outbox.OUTAGE, 103)]  # it had the whole time again to come back


def test_an_outage_of_the_broker_is_one_message_to_the_managers(site):
    set_link(START_S, False, range(101, 101 + METERS))
    now_s = rounds(START_S, 40)
    assert kinds() == [("managers", None)]
    set_link(now_s, True, range(101, 101 + METERS))
    rounds(now_s, 40)
    assert kinds() == [("managers", None), ("managers", None)]


def test_a_broker_that_says_nothing_at_all_is_told_once(site):
    for minute in range(0, 2 * 86_400 // MINUTE_S, 30):
        link_events.run_round(START_S + minute * MINUTE_S)
    assert kinds() == [("managers", None)]
    assert "broker" in Message.objects.get().text
    rounds(START_S + 2 * 86_400, 20)
    assert kinds() == [("managers", None), ("managers", None)]


def test_a_flapping_link_is_limited_and_told_to_the_managers(site):
    now_s = START_S
    for _ in range(8):
        set_link(now_s, False, [101])
        now_s = rounds(now_s, 17)
        deliver()
        set_link(now_s, True, [101])
        now_s = rounds(now_s, 5)
    told = kinds()
    assert told.count((outbox.OUTAGE, 101)) == told.count((outbox.RETURN, 101)) == link_events.OUTAGES_A_DAY
    assert told.count(("managers", None)) == 1


def test_an_alarm_of_a_link_is_for_the_managers_and_a_statement_for_the_customer_too(site):
    MeterLink.objects.filter(pk=101).update(alarms="clock, tamper")
    rounds(START_S, 3)
    assert kinds() == [("managers", None)]
    Meter.objects.filter(pk=101).update(alarms="tamper")
    rounds(START_S + 600, 3)
    assert kinds() == [("managers", None), (outbox.TAMPER, 101)]
    Meter.objects.filter(pk=101).update(alarms="")
    MeterLink.objects.filter(pk=101).update(alarms="")
    rounds(START_S + 1200, 2)
    Meter.objects.filter(pk=101).update(alarms="tamper")
    rounds(START_S + 1800, 2)
    assert len(kinds()) == 2  # within a day it is the same case
    Meter.objects.filter(pk=101).update(alarms="")
    rounds(START_S + 2 * 86_400, 2)
    Meter.objects.filter(pk=101).update(alarms="tamper")
    rounds(START_S + 2 * 86_400 + 600, 2)
    assert kinds()[2:] == [("managers", None), (outbox.TAMPER, 101)]
