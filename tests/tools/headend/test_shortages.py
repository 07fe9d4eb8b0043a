"""Shortages: the choice of the meters, their turns, and their return."""

from datetime import UTC, datetime

import pytest
from django.utils.formats import date_format

from tests.tools.headend.managed_site import add_tenancy
from tests.tools.headend.test_engine import HOUR_S
from tests.tools.office.selling_site import EUR
from wattpurse.core.messages import token
from wattpurse_tools.headend import accounts, engine, shortages
from wattpurse_tools.record.models import (
    Command,
    Customer,
    Feeder,
    Message,
    Meter,
    Premises,
    Shortage,
    ShortageMeter,
    Tenancy,
)
from wattpurse_tools.refusals import Refusal

FIRST = 20
METERS = 8


@pytest.fixture
def feeder(site, manager, now_s):
    """Return a feeder with eight managed meters: 20 to 27. The even ones have paid; 26 and 27 are essential."""
    made = Feeder.objects.create(name="line 1")
    for number in range(FIRST, FIRST + METERS):
        Meter.objects.create(
            number=number, currency="EUR", decimals=2, unit="money", contract="managed", key_version=1, site_version=1
        )
        tenancy = add_tenancy(number)
        Premises.objects.filter(pk=tenancy.premises_id).update(feeder=made)
        priority = shortages.ESSENTIAL if number >= FIRST + 6 else 2
        accounts.open_account(site, manager, tenancy, now_s, limit_microunits=EUR, priority=priority)
        if number % 2 == 0:
            accounts.pay_in(site, manager, tenancy, 9 * EUR, "card", f"pay {number}", now_s)
    return made


def cut(shortage):
    return list(ShortageMeter.objects.filter(shortage=shortage).order_by("pk").values_list("meter", flat=True))


def plan(office, actor, feeder, now_s, share_ppm=250_000, level=5, after_s=0, **further):
    begin_s = now_s + after_s
    asked = shortages.Plan(feeder, level, begin_s, begin_s + 2 * HOUR_S, "generator down", share_ppm, **further)
    return shortages.plan(office, actor, asked, now_s)


def test_customers_read_the_end_of_a_shortage_in_the_form_of_their_language(office, manager, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s)
    Customer.objects.update(language="de")
    engine.run_round(office, manager, now_s)
    ends = {date_format(datetime.fromtimestamp(shortage.until_s + delay_s, UTC), "H:i") for delay_s in (0, 300)}
    texts = [one.text for one in Message.objects.filter(kind="shortage")]
    assert all(any(end in text for end in ends) and "T" + next(iter(ends)) not in text for text in texts)


def test_who_has_not_paid_goes_first_and_only_as_many_as_needed(office, manager, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s)
    assert engine.run_round(office, manager, now_s).shortages == 2
    assert cut(shortage) == [21, 23]
    tokens = [one.token for one in Command.objects.filter(wish="shortage").order_by("pk")]
    assert {one.kind for one in tokens} == {token.SHORTAGE}
    assert all("generator down" in one.words for one in tokens)
    assert Message.objects.filter(kind="shortage").count() == 2
    assert engine.run_round(office, manager, now_s).shortages == 0


def test_the_turns_go_round_within_a_priority(office, manager, feeder, now_s):
    seen = []
    for turn in range(3):
        time_s = now_s + turn * 3 * HOUR_S
        shortage = plan(office, manager, feeder, time_s, spares_paid=False)
        engine.run_round(office, manager, time_s)
        engine.run_round(office, manager, time_s + 2 * HOUR_S)
        assert Shortage.objects.get(pk=shortage.pk).state == "ended"
        seen += cut(shortage)
    assert sorted(seen) == list(range(FIRST, FIRST + 6)), "each has one turn before anybody has a second one"


def test_the_essential_stay_and_a_priority_at_the_level_stays(office, manager, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s, share_ppm=1_000_000, level=9)
    engine.run_round(office, manager, now_s)
    assert sorted(cut(shortage)) == list(range(FIRST, FIRST + 6))
    other = plan(office, manager, feeder, now_s, after_s=3 * HOUR_S, level=2, share_ppm=1_000_000)
    engine.run_round(office, manager, now_s + 3 * HOUR_S)
    assert cut(other) == []


def test_lifted_early_its_meters_come_back_over_minutes(office, manager, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s, share_ppm=1_000_000, level=9)
    engine.run_round(office, manager, now_s)
    shortages.lift(office, manager, shortage, now_s + HOUR_S)
    assert engine.run_round(office, manager, now_s + HOUR_S).shortages == 6
    back = list(Command.objects.filter(wish="shortage over").order_by("pk").values_list("next_s", flat=True))
    assert back == [now_s + HOUR_S + 100 * place for place in range(6)]
    assert not ShortageMeter.objects.filter(is_off=True).exists()
    assert engine.run_round(office, manager, now_s + HOUR_S).shortages == 0


def states(kind):
    rows = Message.objects.filter(kind=kind).order_by("pk")
    return list(rows.values_list("customer__number", "state"))


def test_who_was_not_yet_told_of_a_shortage_is_not_told_of_its_end(office, manager, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s)
    engine.run_round(office, manager, now_s)
    assert states("shortage") == [(121, "waiting"), (123, "waiting")]
    Message.objects.filter(kind="shortage", customer__number=123).update(state="sent")
    shortages.lift(office, manager, shortage, now_s + HOUR_S)
    engine.run_round(office, manager, now_s + HOUR_S)
    assert states("shortage") == [(121, "withdrawn"), (123, "sent")]
    assert states("return") == [(123, "waiting")]


def test_a_message_of_a_shortage_that_waits_is_withdrawn_at_its_end(office, manager, feeder, now_s):
    plan(office, manager, feeder, now_s)
    other = plan(office, manager, None, now_s, after_s=3 * HOUR_S)
    engine.run_round(office, manager, now_s)
    engine.run_round(office, manager, now_s + 2 * HOUR_S)
    assert set(states("shortage")) == {(121, "withdrawn"), (123, "withdrawn")}
    engine.run_round(office, manager, other.from_s)
    assert {state for _, state in states("shortage")} == {"withdrawn", "waiting"}


def test_the_meters_end_it_themselves_and_not_all_at_once(office, manager, feeder, now_s):
    plan(office, manager, feeder, now_s, share_ppm=1_000_000, level=9)
    engine.run_round(office, manager, now_s)
    words = Command.objects.filter(wish="shortage").values_list("token__words", flat=True)
    assert len(set(words)) == 6, "each token has an end of its own"
    assert engine.run_round(office, manager, now_s + 2 * HOUR_S).shortages == 0
    assert not ShortageMeter.objects.filter(is_off=True).exists()


def test_overlaps_and_shortages_without_a_reason_are_refused(office, manager, feeder, now_s):
    plan(office, manager, feeder, now_s)
    with pytest.raises(Refusal, match="another shortage"):
        plan(office, manager, None, now_s, after_s=HOUR_S)
    with pytest.raises(Refusal, match="reason"):
        shortages.plan(office, manager, shortages.Plan(feeder, 5, now_s, now_s + 1, " "), now_s)
    with pytest.raises(Refusal, match="level"):
        plan(office, manager, feeder, now_s, level=10)


def test_one_that_is_lifted_before_its_begin_never_begins(office, manager, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s, after_s=HOUR_S)
    shortages.lift(office, manager, shortage, now_s)
    engine.run_round(office, manager, now_s + HOUR_S)
    assert cut(shortage) == []


def off_in(shortage):
    return ShortageMeter.objects.filter(shortage=shortage, is_off=True).count()


def last_orders():
    """Return the purpose of the newest order of each meter: the one that it obeys."""
    rows = Command.objects.order_by("token__sequence").values_list("meter", "wish")
    return {meter: wish for meter, wish in rows if wish.startswith("shortage")}


def lifted_and_followed(office, actor, feeder, now_s):
    """Cut six meters, lift that shortage, and plan the next one at once. A round orders four of them."""
    first = plan(office, actor, feeder, now_s, share_ppm=1_000_000, level=9)
    engine.run_round(office, actor, now_s)
    engine.run_round(office, actor, now_s)
    assert Command.objects.filter(wish="shortage").count() == 6
    shortages.lift(office, actor, first, now_s + HOUR_S)
    return first, plan(office, actor, feeder, now_s + HOUR_S, share_ppm=1_000_000, level=9)


@pytest.fixture
def four_a_round(monkeypatch):
    monkeypatch.setattr(shortages, "LIMIT", 4)


def test_one_that_follows_a_lifted_one_keeps_its_meters_off(office, manager, feeder, now_s, four_a_round):
    first, second = lifted_and_followed(office, manager, feeder, now_s)
    for _ in range(5):
        engine.run_round(office, manager, now_s + HOUR_S)
    assert last_orders() == dict.fromkeys(range(FIRST, FIRST + 6), "shortage")
    assert not Command.objects.filter(wish="shortage over").exists()
    assert not Message.objects.filter(kind="return").exists()
    assert (off_in(first), off_in(second)) == (0, 6)
    assert engine.run_round(office, manager, now_s + HOUR_S).shortages == 0


@pytest.mark.parametrize("is_first_told", [True, False])
def test_one_that_follows_and_is_lifted_too_lights_all_meters_again(
    office, manager, feeder, now_s, four_a_round, is_first_told
):
    first, second = lifted_and_followed(office, manager, feeder, now_s)
    if is_first_told:
        Message.objects.filter(key__startswith=f"shortage:{first.pk}:").update(state="sent")
    engine.run_round(office, manager, now_s + HOUR_S)
    assert Command.objects.filter(wish="shortage").count() == 10, "two meters are off by the first one alone"
    shortages.lift(office, manager, second, now_s + HOUR_S)
    for _ in range(6):
        engine.run_round(office, manager, now_s + HOUR_S)
    assert last_orders() == dict.fromkeys(range(FIRST, FIRST + 6), "shortage over")
    assert not Message.objects.filter(kind="shortage", state="waiting").exists()
    assert Message.objects.filter(kind="return").count() == (6 if is_first_told else 0), "each is told once, or nothing"
    assert not ShortageMeter.objects.filter(is_off=True).exists()


def test_a_meter_that_another_feeder_has_cut_before_waits_for_both(office, manager, feeder, now_s):
    """Move a meter to another feeder while the first one is cut. The meter obeys the newer order."""
    early = plan(office, manager, feeder, now_s, share_ppm=1_000_000, level=9)
    engine.run_round(office, manager, now_s)
    other = Feeder.objects.create(name="line 2")
    Premises.objects.filter(pk=Tenancy.objects.get(meter_number=FIRST).premises_id).update(feeder=other)
    late = plan(office, manager, other, now_s, share_ppm=1_000_000, level=9)
    engine.run_round(office, manager, now_s)
    shortages.lift(office, manager, late, now_s)
    assert engine.run_round(office, manager, now_s).shortages == 0
    assert (cut(late), off_in(late)) == ([FIRST], 1), "the first shortage still holds it, by the order of the second"
    shortages.lift(office, manager, early, now_s)
    for _ in range(2):
        engine.run_round(office, manager, now_s)
    assert Command.objects.filter(wish="shortage over", meter=FIRST).count() == 1
    assert set(last_orders().values()) == {"shortage over"}


def test_what_is_ordered_off_and_what_is_confirmed_are_told_apart(office, manager, pages, feeder, now_s):
    shortage = plan(office, manager, feeder, now_s)
    engine.run_round(office, manager, now_s)
    ShortageMeter.objects.create(shortage=shortage, meter_id=FIRST)  # chosen, and not ordered yet
    assert shortages.ordered_off([shortage]) == {shortage.pk: (2, 0)}
    Command.objects.filter(pk=Command.objects.filter(wish="shortage").first().pk).update(state="done")
    assert shortages.ordered_off([shortage]) == {shortage.pk: (2, 1)}
    pages.log_in("manager")
    page = pages.get("/headend/shortages").content.decode()
    assert "Ordered off" in page
    assert '<td class="number">3</td><td class="number">2</td><td class="number">1</td>' in page
    ShortageMeter.objects.update(is_off=False)
    assert shortages.ordered_off([shortage]) == {}
