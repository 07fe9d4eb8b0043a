"""The use of a token at a meter with its contract. A useless token is refused, and the words name a useful one."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse_tools.station.order import ENERGY, MONEY, TIME, Order
from wattpurse_tools.station.rows import Row
from wattpurse_tools.utc_texts import rfc3339

CLOCK_TOLERANCE_S = 600

_MONEY, _ENERGY, _TERM = contracts.PrepaidMoney.name, contracts.PrepaidEnergy.name, contracts.Term.name
_DISPENSER, _MANAGED = contracts.Dispenser.name, contracts.Managed.name
_ACCOUNT, _KEY_CARD = contracts.SettledAccount.name, contracts.KeyCard.name

# By contract: the kinds of benefits that it uses, and the command that sells one.
_USED = {
    _MONEY: ((token.CREDIT_MONEY,), "wattpurse token {meter} money AMOUNT"),
    _ENERGY: ((token.CREDIT_ENERGY,), "wattpurse token {meter} energy KWH"),
    _TERM: ((token.DAYS,), "wattpurse token {meter} days DAYS"),
    _DISPENSER: (
        (token.DISPENSE, token.CREDIT_ENERGY),
        "wattpurse token {meter} dispense KWH KWH_A_DAY DAYS",
    ),
    _KEY_CARD: ((), "wattpurse card topup CARD, with the key card of the customer"),
    _MANAGED: ((token.PERMIT,), "wattpurse token {meter} permit UNTIL"),
    _ACCOUNT: ((token.CREDIT_MONEY,), "wattpurse token {meter} money AMOUNT"),
}
_JUDGED = (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DAYS, token.DISPENSE, token.PERMIT)
_CREDIT = {contracts.MONEY: MONEY, contracts.ENERGY: ENERGY}
_UNTIL = {_TERM: "term_until_s", _DISPENSER: "dispenser_until_s", _MANAGED: "permit_until_s"}


class KnownStatements(Protocol):
    """The statements of a record."""

    def newest(self, meter_number: int) -> Mapping[str, Any] | None:
        """Return the whole content of the newest statement of a meter, or None."""
        ...


def unit_of(contract: str) -> str:
    """Return the unit of credit that a meter with this contract tells first. Raise ValueError for an unknown name."""
    return _CREDIT[contracts.by_name(contract).credit_unit]


def days_left(statement: Mapping[str, Any]) -> int | None:
    """Return the days until the contract ends or the credit is used up, as a statement foresees it, or None."""
    name = contracts.by_code(statement["contract"]).name
    until_s = statement.get("standing", {}).get(_UNTIL.get(name, ""))
    if until_s is not None:
        return max(0, until_s - statement["time_s"]) // DAY_S
    if name in _UNTIL:
        return None
    a_day = statement.get("mean_daily_microunits", 0)
    if statement["unit"] == ENERGY:
        a_day = statement.get("mean_daily_wh", 0) * 1000
    return max(0, statement["balance"]) // a_day if a_day > 0 else None


def refuse(meter: Row, order: Order, to_come: Sequence[str], statements: KnownStatements) -> None:
    """Raise ValueError for a token that the meter (row) accepts and does not use. The words name a useful one.

    `to_come` are the contracts that outstanding tokens bring.
    """
    refuse_kind(meter, order.kind, to_come)
    if order.kind == token.PERMIT:
        _refuse_shorter_permit(meter, order, statements)
    if order.kind in (token.CLOCK, token.CLOCK_BACK):
        _refuse_clock_in_the_past(meter, order)


def refuse_kind(meter: Row, kind: int, to_come: Sequence[str] = ()) -> None:
    """Raise ValueError for a kind of credit that no contract of the meter (row) uses, now or soon."""
    names = [name for name in (meter["contract"], *to_come) if name]
    if kind not in _JUDGED or not names or any(kind in _USED[name][0] for name in names):
        return
    number, name = meter["number"], names[-1]
    sold_by = {MONEY: "money", ENERGY: "energy"}.get(_unit_of_kind(kind), token.name(kind))
    raise ValueError(
        f"meter {number} has the contract {name!r}, which does not use {sold_by}: it would lie idle; sell it with:"
        f" {_USED[name][1].format(meter=number)}"
    )


def _unit_of_kind(kind: int) -> str:
    return {token.CREDIT_MONEY: MONEY, token.CREDIT_ENERGY: ENERGY, token.DAYS: TIME}.get(kind, "")


def _refuse_shorter_permit(meter: Row, order: Order, statements: KnownStatements) -> None:
    now_s = int(time.time())
    if order.amount <= now_s:
        raise ValueError("UNTIL: the permit would have ended already; name a time that lies ahead")
    newest = statements.newest(meter["number"])
    in_force = 0 if newest is None else newest.get("standing", {}).get("permit_until_s", 0)
    if now_s < in_force and order.amount < in_force:
        raise ValueError(
            f"meter {meter['number']} has a permit that ends later, at {rfc3339(in_force)}; name a later time, or"
            f" order supply off with: wattpurse token {meter['number']} switch open"
        )


def _refuse_clock_in_the_past(meter: Row, order: Order) -> None:
    (utc_s,) = token.Token(0, order.kind, order.body).fields()
    if utc_s < int(time.time()) - CLOCK_TOLERANCE_S:
        raise ValueError(
            f"TIME: {rfc3339(utc_s)} lies in the past, and a meter with that time would charge by it; leave TIME out"
            f" for the time of now: wattpurse token {meter['number']} {token.name(order.kind)}"
        )
