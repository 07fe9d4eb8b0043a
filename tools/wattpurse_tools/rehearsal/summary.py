"""The summary of a rehearsal for people: meters by contract, payments by way, books, supply and outages."""

from collections import Counter

from django.db.models import Count, Sum

from wattpurse_tools.record.models import Sale
from wattpurse_tools.rehearsal.judge import Verdict, money
from wattpurse_tools.rehearsal.shortage_watch import is_lit
from wattpurse_tools.rehearsal.story import Scene

Part = dict[str, str]


def parts(scene: Scene, verdict: Verdict) -> dict[str, Part]:
    """Return the parts of the summary by their titles. Each is a table of two columns."""
    return {
        "Meters and sales, by contract": _contracts(scene),
        "Payments, by way": _ways(scene),
        "Books": verdict.sums,
        "Outages": scene.outages.lines(),
    }


def _contracts(scene: Scene) -> Part:
    rows = Sale.objects.values_list("meter_number").annotate(sales=Count("pk"), gross=Sum("gross_microunits"))
    sold = {number: (sales, gross) for number, sales, gross in rows.order_by()}
    for number, paid in scene.key_cards.paid.items():
        sold[number] = len(paid), sum(paid)
    meters, lit, sales, gross = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for place in scene.places:
        its_sales, its_gross = sold.get(place.number, (0, 0))
        meters[place.contract] += 1
        lit[place.contract] += is_lit(place)
        sales[place.contract] += its_sales
        gross[place.contract] += its_gross
    return {
        one: f"{count} meters, {lit[one]} with supply at the end; {sales[one]} receipts, {money(gross[one])}"
        for one, count in meters.most_common()
    }


def _ways(scene: Scene) -> Part:
    cards = [one for paid in scene.key_cards.paid.values() for one in paid]
    counter = {"at the counter, onto a key card": f"{len(cards)} payments, {money(sum(cards))}"} if cards else {}
    return counter | {
        way: f"{len(paid)} payments, {money(sum(one.microunits for one in paid))}" for way, paid in scene.ways.items()
    }
