"""The judge's sums of supply: the longest time without a permit, and supply that a meter ended by itself."""

from types import SimpleNamespace

from wattpurse.core.money import contract as contracts
from wattpurse_tools.rehearsal import judge


def place(lit, permits, contract=contracts.Managed.name):
    meter = SimpleNamespace(
        contact=SimpleNamespace(lit=lit),
        witness=SimpleNamespace(permits=permits),
        crystal=SimpleNamespace(true_s=9_000),
    )
    return SimpleNamespace(meter=meter, contract=contract)


def test_supply_that_ended_with_its_permit_is_counted():
    permits = [(0, 100), (50, 400)]
    assert judge.ended_with_permit([(0, 100), (120, 300), (310, 400), (500, None)], permits) == 2


def test_the_longest_time_without_permit_is_that_of_managed_meters():
    places = [
        place([(0, 101)], [(0, 100)]),
        place([(0, 150)], [(0, 100), (90, 145)]),
        place([(0, 9_000)], [(0, 100)], contracts.PrepaidMoney.name),
    ]
    assert judge.longest_unpermitted_s(places) == 5
    assert judge.longest_unpermitted_s(places[:1]) == 1
    assert judge.longest_unpermitted_s([]) == 0
