"""Every kind of token can be ordered: it has one order reader, which returns orders of that kind."""

import pytest

from tests.samples import flat_tariff
from wattpurse.core.messages import token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.order import KEY_KINDS
from wattpurse_tools.station.token_orders import ORDERS, Context

METER = {"number": 1002, "currency": "EUR", "decimals": 2}
WORDS = {
    "AMOUNT": "5",
    "KWH": "20",
    "KWH_A_DAY": "5",
    "DAYS": "30",
    "money|energy": "money",
    "AMOUNT|all": "all",
    "NUMBER": "17",
    "UNTIL": "2027-01-01T00:00:00+00:00",
    "open|close": "open",
    "LEVEL": "3",
    "[UNTIL]": "2027-01-01T00:00:00+00:00",
    "ISSUER": "3",
    "[TIME]": "2027-01-01T00:00:00+00:00",
}
# The same word stands for different arguments here.
WORDS_OF_KIND = {token.CONTRACT: ("prepaid-money",), token.TERM: ("confirm_closing", "1")}


class History:
    """A record of keys in which version 2 comes next."""

    def next_version(self, _meter: int, _kind: int) -> int:
        return 2


def shortcomings(kinds: tuple, rows: tuple) -> list[str]:
    """Return a sentence for each kind in `kinds` without one row in `rows`, and for each row without a kind."""
    codes = [row[0] for row in kinds]
    ordered = [row[0] for row in rows]
    found = [f"kind {code} has no order reader" for code in codes if code not in ordered]
    found += [f"kind {code} has {ordered.count(code)} order readers" for code in codes if ordered.count(code) > 1]
    found += [f"the order reader of kind {code} has no row in token.KINDS" for code in ordered if code not in codes]
    found += [f"the order of kind {row[0]} has no help" for row in rows if not row[2]]
    return found


def test_every_kind_has_its_order_reader():
    assert shortcomings(token.KINDS, ORDERS) == []


@pytest.mark.parametrize("row", ORDERS, ids=[token.name(row[0]) for row in ORDERS])
def test_every_reader_returns_an_order_of_its_kind_that_a_meter_can_open(row, tmp_path):
    kind, arguments, _, read = row
    words = WORDS_OF_KIND.get(kind)
    if kind == token.TARIFF:
        (tmp_path / "tariff.bin").write_bytes(flat_tariff(version=7))
        words = (str(tmp_path / "tariff.bin"),)
    order = read(words or [WORDS[argument] for argument in arguments], Context(METER, History(), 77))
    assert order.kind == kind
    if kind in KEY_KINDS:
        assert (order.body, order.amount) == (b"", 2)
    elif kind != token.TARIFF:
        (fields,) = (one[3] for one in token.KINDS if one[0] == kind)
        assert len(token.Token(1, order.kind, order.body).fields()) == len(fields)


def test_a_kind_without_order_reader_is_found():
    planted = (*token.KINDS, (99, "new-kind", "<", (), 199, "new event", "new top-up", False, False, token.NO_BENEFIT))
    assert shortcomings(planted, ORDERS) == ["kind 99 has no order reader"]


def test_an_order_reader_without_kind_or_help_and_one_too_many_are_found():
    assert shortcomings(token.KINDS[1:], ORDERS) == ["the order reader of kind 1 has no row in token.KINDS"]
    assert shortcomings(token.KINDS, (*ORDERS, ORDERS[0])) == ["kind 1 has 2 order readers"]
    helpless = (ORDERS[0][0], ORDERS[0][1], "", ORDERS[0][3])
    assert shortcomings(token.KINDS, (helpless, *ORDERS[1:])) == ["the order of kind 1 has no help"]


def test_the_stations_groups_of_kinds_come_from_the_table():
    assert orders.TAKING == (token.REFUND, token.CLEAR, token.TENANT)
    assert orders.KEY_KINDS == (token.METER_KEY, token.SITE_KEY)
    assert orders.CREDIT_KINDS == (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DISPENSE)
