"""The wishes that a meter's contract permits, and the token of each."""

from wattpurse.core.currency import exact_decimal_text
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.ledger import chart
from wattpurse_tools.office.sale_types import DAYS, DISPENSE, ENERGY, MONEY, PERMIT, Wish
from wattpurse_tools.record.models import ManagedAccount, Meter, Statement, Token
from wattpurse_tools.refusals import Refusal, Words, one_of
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.amounts import KWH_DECIMALS
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.token_record import contracts_to_come
from wattpurse_tools.utc_texts import rfc3339

DAY_S = 86_400
DAYS_LIMIT = 3660

_WISHES = {
    contracts.PrepaidMoney.name: (MONEY,),
    contracts.PrepaidEnergy.name: (ENERGY,),
    contracts.Term.name: (DAYS,),
    contracts.Dispenser.name: (DISPENSE, ENERGY),
    contracts.KeyCard.name: (),
    contracts.Managed.name: (PERMIT,),
    contracts.SettledAccount.name: (MONEY,),
}
_BY_UNIT = {orders.MONEY: (MONEY,), orders.ENERGY: (ENERGY,)}
_LOST_STATES = (orders.FORFEITED, orders.VOIDED, orders.OUTDATED)
_WORDS = {
    MONEY: Words("money"),
    ENERGY: Words("kWh"),
    DAYS: Words("days of the term"),
    PERMIT: Words("days of a permit"),
    DISPENSE: Words("kWh with a daily limit"),
}


def wishes_of(contract: str, unit: str | None = None) -> tuple[str, ...]:
    """Return the possible wishes for a meter of a contract, the usual one first.

    `unit` decides if no contract is known. A meter for key cards is sold nothing itself.
    """
    return _WISHES.get(contract, _BY_UNIT.get(unit or "", ()))


def refuse_useless(meter: Meter, wish: Wish) -> None:
    """Raise ValueError, with the remedy, for a wish that the meter would not use, now or after the orders to come."""
    if wish.what == PERMIT and ManagedAccount.objects.filter(meter=meter, closed_s=None).exists():
        raise Refusal(
            "meter %(meter)s has an account at the head-end, which orders its permits: pay into the account instead",
            meter=meter.number,
        )
    possible = wishes_of(meter.contract, meter.unit)
    if wish.what in possible or any(wish.what in wishes_of(name) for name in contracts_to_come(meter.number)):
        return
    if meter.contract == contracts.KeyCard.name:
        raise Refusal("meter %(meter)s takes key cards: load the customer's key card instead", meter=meter.number)
    if not possible:
        raise Refusal(
            "the contract of meter %(meter)s is not known; read a card that was at the meter, or set the contract",
            meter=meter.number,
        )
    helps = one_of([_WORDS[what] for what in possible])
    wished = _WORDS.get(wish.what, wish.what)
    raise Refusal(
        "meter %(meter)s has the contract %(contract)s, where %(wished)s would do nothing; sell %(helps)s",
        meter=meter.number,
        contract=Words(meter.contract or meter.unit or ""),
        wished=wished,
        helps=helps,
    )


def unit_of(what: str, currency: str) -> str:
    """Return the unit of the ledger that a wish is counted in."""
    return {MONEY: currency, ENERGY: chart.MWH, DISPENSE: chart.MWH}.get(what, chart.SECONDS)


def order_of(wish: Wish, amount: int, from_s: int) -> Order:
    """Return the token for a wish: `amount` is micro-units, mWh, or seconds. A permit begins at `from_s`."""
    if wish.what == DAYS:
        return orders.term(_checked_s(amount))
    if wish.what == PERMIT:
        until_s = from_s + _checked_s(amount)
        if until_s > LATEST_S:
            raise Refusal("the permit would end after 2105, the last year of a meter's clock")
        return Order(token.PERMIT, (until_s,), f"permit until {rfc3339(until_s)}", amount=until_s)
    if not 0 < amount <= CREDIT_AMOUNT_LIMIT:
        raise Refusal("a token holds at most %(limit)s; sell it in parts", limit=CREDIT_AMOUNT_LIMIT // 1_000_000)
    if wish.what == DISPENSE:
        return _dispense(wish, amount)
    return orders.credit(orders.MONEY if wish.what == MONEY else orders.ENERGY, amount)


def permit_end_s(meter: Meter, time_s: int) -> int:
    """Return the end of the newest permit that the meter has or is to get, or `time_s` if that lies behind it."""
    rows = Token.objects.filter(meter=meter, kind=token.PERMIT, tenant=meter.tenant).exclude(state__in=_LOST_STATES)
    ordered = rows.order_by("-sequence").values_list("amount", flat=True).first()
    newest = Statement.objects.filter(meter=meter).order_by("-time_s", "-id").values_list("content", flat=True).first()
    told = (newest or {}).get("standing", {}).get("permit_until_s", 0)
    return max(time_s, ordered or 0, told)


def _dispense(wish: Wish, amount_mwh: int) -> Order:
    if not 0 < wish.daily_mwh <= CREDIT_AMOUNT_LIMIT:
        raise Refusal("name the kWh that may be used in a day, above zero")
    duration_s = _checked_s(wish.days * DAY_S)
    daily_kwh = exact_decimal_text(wish.daily_mwh, KWH_DECIMALS)
    said = f"at most {daily_kwh} kWh a day for {wish.days} days"
    return Order(token.DISPENSE, (amount_mwh, wish.daily_mwh, duration_s), said, orders.ENERGY, amount_mwh)


def energy_text(energy_mwh: int) -> str:
    """Return an energy in kWh as text."""
    whole, rest = divmod(energy_mwh, 1_000_000)
    decimals = f"{rest:06}".rstrip("0")
    return f"{whole}.{decimals} kWh" if decimals else f"{whole} kWh"


def _checked_s(duration_s: int) -> int:
    if not 0 < duration_s <= DAYS_LIMIT * DAY_S:
        raise Refusal("sell 1 to %(limit)s days", limit=DAYS_LIMIT)
    return duration_s
