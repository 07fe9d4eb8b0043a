"""The watch on a shortage finds an office that switches nothing off, and meters that do not come back."""

from types import SimpleNamespace

from wattpurse.core.money import supply
from wattpurse_tools.rehearsal.shortage_watch import ShortageWatch, is_without_credit


def place(number):
    meter = SimpleNamespace(
        is_powered=True,
        contact=SimpleNamespace(is_closed=True),
        switching=SimpleNamespace(reason=supply.ON),
    )
    return SimpleNamespace(number=number, meter=meter)


def switch(one, reason):
    one.meter.contact.is_closed = reason == supply.ON
    one.meter.switching.reason = reason


def test_meters_that_go_off_and_return_are_no_finding():
    first, second, dark = places = [place(1), place(2), place(3)]
    switch(dark, supply.NO_CREDIT)
    watch = ShortageWatch()
    assert watch.begin(places) == 2
    switch(first, supply.SHORTAGE)
    switch(second, supply.NO_CREDIT)  # it has run out of credit in the meantime
    assert watch.look({1, 2, 3}) == 1
    switch(first, supply.ON)
    assert watch.end() == 1
    assert watch.findings == []


def test_an_office_that_switches_nothing_off_is_found():
    watch = ShortageWatch()
    watch.begin([place(1)])
    assert watch.look({1}) == 0
    assert watch.findings == [
        "the shortage has switched no meter off",
        "meter 1: ordered off for the shortage, and lit",
    ]


def test_a_meter_that_goes_off_without_an_order_or_stays_off_is_found():
    one = place(1)
    watch = ShortageWatch()
    watch.begin([one])
    switch(one, supply.SHORTAGE)
    watch.look(set())
    watch.end()
    assert watch.findings == [
        "meter 1: off by the shortage without an order",
        "meter 1: off by the shortage after its end",
        "no meter that the shortage had switched off has supply again",
    ]


def test_a_meter_waits_for_a_payment_unless_its_supply_returns_by_itself():
    one = place(1)
    assert not is_without_credit(one)
    for reason, waits in ((supply.NO_CREDIT, True), (supply.SHORTAGE, False), (supply.DAILY_LIMIT, False)):
        switch(one, reason)
        assert is_without_credit(one) == waits
    switch(one, supply.NO_CREDIT)
    one.meter.is_powered = False
    assert not is_without_credit(one)
