"""Dispensing units: make one, write its system card, book the sales that the card takes home, and revoke it.

A unit is an issuer, and its sales are receipts of a shop, which owes their money to the utility. `settle` books each
sale once, however often a card is read. It books in the order of the unit's numbers, all or none. A card that
contradicts the books, the credit of its unit or another card is refused with the reason, and nothing is changed.

A unit charges no fee and recovers no debt. It sells money, or energy at up to three prices.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Q

from wattpurse.cards import purse
from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import ISSUERS, OFFICE, number_of, number_text
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.dispenser import system_card
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.posting import post_new
from wattpurse_tools.office import audit, books, prices, tariff_rides
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.prices import Charge
from wattpurse_tools.office.receipts import Buyer, Paper, write_receipt
from wattpurse_tools.office.sale_types import (
    CARD,
    CASH,
    DISPENSER_SALES,
    ENERGY,
    MONEY,
    NO_TAX,
    SALE,
    WRITTEN,
    Line,
    Tax,
)
from wattpurse_tools.office.wishes import energy_text
from wattpurse_tools.record.models import (
    Dispenser,
    DispenserIssue,
    DispenserSale,
    Meter,
    OtherIssuer,
    Sale,
    Shop,
    Site,
    Tenancy,
    Token,
)
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.cards import SYSTEM, CardRead
from wattpurse_tools.station.shop import Shop as CardShop
from wattpurse_tools.vault.interface import (
    DispenserCredit,
    DispenserMeter,
    DispenserOffer,
    DispenserRecord,
    DispenserTerm,
)

_MOST_DAYS = 180  # the time of a sale wraps after 194 days


@dataclass(frozen=True)
class Wanted:
    """The wishes for a system card: `credit` more in units, `days` until it expires, `most` for one sale in units."""

    credit: int
    days: int
    most: int
    meters: tuple[int, ...] = ()


@dataclass(frozen=True)
class Settled:
    """The outcome of a settlement: the unit, the sales that are new in the books, and the torn blocks of the card.

    `unsold` has the meter and number of each token that the unit has made and that is in no sale. A unit whose flash
    was restored from an older image learns such a number from a customer's card, and has forgotten the sale.
    """

    dispenser: Dispenser
    sales: tuple[DispenserSale, ...]
    torn_blocks: int
    unsold: tuple[tuple[int, int], ...] = ()

    @property
    def paid(self) -> int:
        """The money of the new receipts, in units."""
        return sum(one.paid for one in self.sales)


def new(office: Office, actor: Actor, issuer: int, name: str, shop: int, meters: Sequence[int]) -> Dispenser:
    """Add a dispensing unit to the record. Right: keys. Raise ValueError if the issuer is in use."""
    actor.require("keys")
    if not OFFICE < issuer < ISSUERS or office.keys.issuer != OFFICE:
        raise ValueError(f"the office makes dispensing units, with an issuer number from 1 to {ISSUERS - 1}")
    if Dispenser.objects.filter(pk=issuer).exists():
        raise ValueError(f"issuer {issuer} is a dispensing unit already; its number is never given to another one")
    if OtherIssuer.objects.filter(issuer=issuer, count__gt=0).exists():
        raise ValueError(f"issuer {issuer} has sold to meters before; take a number that nobody has used")
    place = Shop.objects.filter(number=shop, is_active=True).first()
    if place is None:
        raise ValueError(f"there is no shop {shop}")
    with transaction.atomic():
        made = Dispenser.objects.create(
            issuer=issuer,
            name=name,
            shop=place,
            unit_version=office.keys.newest_version,
            meters=_known(meters),
        )
        audit.note(actor, "new dispenser", f"dispenser:{issuer}", shop=shop, meters=made.meters)
    return made


def unit_key(office: Office, actor: Actor, issuer: int, approval: str | None = None) -> bytes:
    """Return the key of a unit, to set it up at its console. Right: keys. Two persons."""
    actor.require("keys")
    one = _usable(issuer)
    key = office.keys.dispenser_key(actor.ticket, issuer, one.unit_version, approval)
    with transaction.atomic():
        audit.note(actor, "dispenser key", f"dispenser:{issuer}")
    return key


def write_card(
    office: Office, actor: Actor, cards: CardShop, issuer: int, name: str, wanted: Wanted, approval: str | None = None
) -> DispenserIssue:
    """Write the next issue of a unit's system card, which is made if there is none. Right: keys. Two persons.

    Raise ValueError if the card has sales that are not settled. Raise OSError if the card does not take the issue: the
    credit is in the record then, and the same command with a credit of 0 writes it.
    """
    actor.require("keys")
    one = _usable(issuer)
    if not 0 < wanted.days <= _MOST_DAYS or wanted.credit < 0 or not 0 < wanted.most <= system_card.PAID_LIMIT:
        raise ValueError(f"name the days, 1 to {_MOST_DAYS}, a credit of zero or more and the most for one sale")
    read = _card_for(cards, name, one)
    with transaction.atomic():
        one = Dispenser.objects.select_for_update().get(pk=issuer)
        if wanted.meters:
            one.meters = _known(wanted.meters)
        made_of, charges = _products(one.meters)
        riding = tariff_rides.for_dispenser(office, actor, [meter for meter, _ in made_of], int(time.time()))
        record = _record(office, one, wanted, made_of, charges)
        record = replace(record, riding=b"".join(bytes(token.sealed) for token in riding))
        sealed = office.keys.seal_system_card(actor.ticket, read.card.uid, record, approval)
        one.allowed = record.credit.allowed
        one.save(update_fields=["meters", "allowed"])
        made = DispenserIssue.objects.create(
            dispenser=one,
            issue=record.issue,
            card_uid=read.card.uid.hex(),
            made_s=record.term.made_s,
            expires_s=record.term.expires_s,
            allowed=record.credit.allowed,
            prices=list(record.offer.prices),
            products={str(meter.number): meter.product for meter in record.offer.meters},
            operator=actor.operator,
        )
        audit.note(
            actor, "system card", f"dispenser:{issuer}", issue=made.issue, card=made.card_uid, allowed=made.allowed
        )
    cards.cards.write(read, lambda memory: system_card.write_record(memory, sealed))
    return made


def settle(office: Office, actor: Actor, cards: CardShop, name: str) -> Settled:
    """Book the sales on a system card that are not in the books yet. Right: sell, in the shop of the unit.

    Raise ValueError, with the reason and no change, if the card contradicts the books.
    """
    actor.require("sell")
    read = cards.cards.read(name)
    if read.role != SYSTEM:
        raise ValueError(f"card {name} is no system card of a dispensing unit")
    one, blocks = _unit_of(cards, read, cards.cards.look(read, system_card.read_record))
    actor.require("sell", one.shop.number)
    told = office.keys.open_system_sales(read.card.uid, one.issuer, one.unit_version, blocks)
    torn = sum(sales is None and any(block) for sales, block in zip(told, blocks, strict=True))
    rows = sorted(row for sales in told for row in sales or ())
    with transaction.atomic():
        Shop.objects.select_for_update().get(pk=one.shop.pk)
        one = Dispenser.objects.select_for_update().select_related("shop").get(pk=one.pk)
        made, unsold = [], []
        for row in rows:
            before = _last_count(one, row[1])
            booked = _settle_one(actor, one, row)
            if booked is not None:
                made.append(booked)
                unsold += [(row[1], number_of(one.issuer, count)) for count in range(before + 1, row[2])]
        if made:
            one.save(update_fields=["settled_sale", "settled_sum"])
            facts = {"sales": len(made), "last": made[-1].number, "card": name, "unsold": unsold}
            audit.note(actor, "settle dispenser", f"dispenser:{one.issuer}", **facts)
    return Settled(one, tuple(made), torn, tuple(unsold))


def revoke(office: Office, actor: Actor, issuer: int) -> Dispenser:
    """Mark a unit as revoked: it gets no card any more. Right: keys. Its sales can still be settled.

    Its tokens are refused by each meter that redeems a token `revoke` of its issuer.
    """
    actor.require("keys")
    with transaction.atomic():
        one = Dispenser.objects.select_for_update().filter(pk=issuer).first()
        if one is None:
            raise ValueError(f"issuer {issuer} is no dispensing unit")
        one.is_revoked = True
        one.save(update_fields=["is_revoked"])
        audit.note(actor, "revoke dispenser", f"dispenser:{issuer}")
    return one


def units() -> list[Dispenser]:
    """Return all dispensing units, by issuer."""
    return list(Dispenser.objects.select_related("shop").order_by("issuer"))


def _usable(issuer: int) -> Dispenser:
    one = Dispenser.objects.select_related("shop").filter(pk=issuer).first()
    if one is None:
        raise ValueError(f"issuer {issuer} is no dispensing unit; add it with: wattpurse dispenser new {issuer}")
    if one.is_revoked:
        raise ValueError(f"the dispensing unit of issuer {issuer} is revoked; make another one with another number")
    return one


def _known(meters: Sequence[int]) -> list[int]:
    """Return the numbers of meters, each once. Raise ValueError for an unknown one, or for too many."""
    numbers = sorted(set(meters))
    if not 1 <= len(numbers) <= system_card.METERS_LIMIT:
        raise ValueError(f"a system card has room for 1 to {system_card.METERS_LIMIT} meters")
    known = set(Meter.objects.filter(number__in=numbers, is_retired=False).values_list("number", flat=True))
    for number in numbers:
        if number not in known:
            raise ValueError(f"meter {number} is not known; add it with: wattpurse meter add {number}")
    return numbers


def _card_for(cards: CardShop, name: str, one: Dispenser) -> CardRead:
    """Return a card for the next issue of a unit. Raise ValueError if it is another one or has sales to settle."""
    if not cards.files.exists(name):
        version = cards.station.key_history.common_site_version()
        cards.cards.new_card(name, system_card.KIND, version, purse.SYSTEM, 0, lambda card: b"")
        return cards.cards.read(name)
    read = cards.cards.read(name)
    if read.role != SYSTEM:
        raise ValueError(f"card {name} is no system card; name another one, which is made")
    sealed = cards.cards.look(read, system_card.read_record)
    if sealed is None:
        return read  # it was torn when it was written
    found, blocks = _unit_of(cards, read, sealed)
    if found.pk != one.pk:
        raise ValueError(f"card {name} is the system card of issuer {found.pk}")
    told = cards.station.keys.open_system_sales(read.card.uid, one.issuer, one.unit_version, blocks)
    newest = max((row[0] for sales in told for row in sales or ()), default=0)
    if newest > one.settled_sale:
        raise ValueError(
            f"card {name} has sales that are not settled; book them with: wattpurse dispenser settle {name}"
        )
    return read


def _unit_of(cards: CardShop, read: CardRead, sealed: bytes | None) -> tuple[Dispenser, list[bytes]]:
    """Return the unit whose system card this is, with the record `sealed` on it, and the blocks of sales there."""
    issues = DispenserIssue.objects.filter(card_uid=read.card.uid.hex())
    issue = issues.select_related("dispenser__shop").order_by("-issue").first()
    if issue is None or sealed is None:
        raise ValueError(f"this office has written no record to card {read.name}")
    return issue.dispenser, cards.cards.look(read, lambda memory: system_card.read_blocks(memory, len(sealed)))


def _products(numbers: Sequence[int]) -> tuple[list[tuple[Meter, int]], list[int]]:
    """Return each meter with its product, and the three prices of a kWh."""
    site, time_s = Site.objects.get(), int(time.time())
    found: list[int] = []
    made_of = []
    for meter in Meter.objects.filter(number__in=numbers).order_by("number"):
        if meter.currency != site.currency or meter.is_stopped:
            raise ValueError(f"meter {meter.number} counts in another currency, or its sales are stopped")
        if meter.unit != orders.ENERGY:
            made_of.append((meter, system_card.PRODUCT_MONEY))
            continue
        charge = _charge(prices.KWH, _tenancy(meter.number, time_s), site, time_s)
        if charge is None or charge.gross_microunits <= 0:
            raise ValueError("there is no price of a kWh; a manager sets it with: wattpurse station price kwh MONEY")
        if charge.gross_microunits not in found:
            found.append(charge.gross_microunits)
        made_of.append((meter, 1 + found.index(charge.gross_microunits)))
    if len(found) > system_card.PRICES:
        raise ValueError(f"the meters of a system card have at most {system_card.PRICES} prices of a kWh")
    return made_of, found + [0] * (system_card.PRICES - len(found))


def _record(
    office: Office, one: Dispenser, wanted: Wanted, made_of: Sequence[tuple[Meter, int]], charges: Sequence[int]
) -> DispenserRecord:
    """Return the next record of a unit. Numbers and credit are above those that the vault knows."""
    issue, allowed = office.keys.dispenser_known(one.issuer)
    newest = (
        DispenserIssue.objects.filter(dispenser=one).order_by("-issue").values_list("issue", flat=True).first() or 0
    )
    site, now_s = Site.objects.get(), int(time.time())
    made_s = now_s // DAY_S * DAY_S  # the same record on the day on which it is proposed and approved
    meters = tuple(
        DispenserMeter(meter.number, meter.tenant, meter.key_version, _newest_count(one.issuer, meter.number), product)
        for meter, product in made_of
    )
    credit = DispenserCredit(max(allowed, one.allowed) + wanted.credit, one.settled_sum, one.settled_sale, wanted.most)
    site_version = min(meter.site_version or office.keys.versions[0] for meter, _ in made_of)
    return DispenserRecord(
        issuer=one.issuer,
        unit_version=one.unit_version,
        issue=max(issue, newest) + 1,
        term=DispenserTerm(made_s, made_s + wanted.days * DAY_S),
        credit=credit,
        offer=DispenserOffer(site.currency, site.decimals, tuple(charges), meters, site_version),
    )


def _newest_count(issuer: int, meter_number: int) -> int:
    """Return the newest count of a unit at a meter that a statement or a settled sale has told."""
    seen = OtherIssuer.objects.filter(meter_id=meter_number, issuer=issuer).values_list("count", flat=True).first()
    return max(seen or 0, _last_count(issuer, meter_number))


def _last_count(one: Dispenser | int, meter_number: int) -> int:
    """Return the newest count of a unit at a meter in a settled sale, or 0."""
    sold = DispenserSale.objects.filter(dispenser=one, meter_number=meter_number).order_by("-count").first()
    return 0 if sold is None else sold.count


def _settle_one(actor: Actor, one: Dispenser, row: tuple[int, int, int, int, int, int]) -> DispenserSale | None:
    """Book one sale of a unit, unless it is in the books. Raise ValueError if it contradicts them."""
    number, meter_number, count, paid, code, issue = row
    words = f"sale {one.issuer}/{number}"
    known = DispenserSale.objects.filter(dispenser=one, number=number).first()
    if known is not None:
        facts = (known.number, known.meter_number, known.count, known.paid, known.time_code, known.issue)
        if facts != row:
            raise ValueError(
                f"{words} is in the books with other facts: the unit has used its numbers twice, after an older image"
                f" of its flash was restored; revoke it with: wattpurse dispenser revoke {one.issuer}"
            )
        return None
    if number != one.settled_sale + 1:
        raise ValueError(f"{words} comes next to sale {one.settled_sale} in the books: sales between them are missing")
    terms = DispenserIssue.objects.filter(dispenser=one, issue=issue).first()
    if terms is None or str(meter_number) not in terms.products:
        raise ValueError(f"{words} is to meter {meter_number}, which issue {issue} of the card does not have")
    if not paid or one.settled_sum + paid > terms.allowed:
        raise ValueError(f"{words} is over more than the credit of the unit, or over nothing")
    if Token.objects.filter(meter_id=meter_number, sequence=number_of(one.issuer, count)).exists():
        raise ValueError(f"{words} uses token number {number_text(number_of(one.issuer, count))} a second time")
    sale = _book(actor, one, row, terms)
    one.settled_sale, one.settled_sum = number, one.settled_sum + paid
    return DispenserSale.objects.create(
        dispenser=one,
        number=number,
        meter_number=meter_number,
        count=count,
        paid=paid,
        time_code=code,
        issue=issue,
        sale=sale,
    )


def _book(actor: Actor, one: Dispenser, row: tuple[int, int, int, int, int, int], terms: DispenserIssue) -> Sale:
    """Write receipt, entry and token of a sale. The caller has locked the unit's shop before it read the unit."""
    number, meter_number, count, paid, code, _ = row
    site, meter = Site.objects.get(), Meter.objects.select_for_update().get(number=meter_number)
    time_s = system_card.time_of(code, terms.made_s)
    tenancy = _tenancy(meter_number, time_s)
    product, gross = terms.products[str(meter_number)], paid * prices.smallest_unit(site.decimals)
    price = None if product == system_card.PRODUCT_MONEY else terms.prices[product - 1]
    line = _line(price, gross, site, _charge(prices.MONEY if price is None else prices.KWH, tenancy, site, time_s))
    paper = Paper(f"{DISPENSER_SALES}{one.issuer}:{number}", SALE, WRITTEN, site.currency, CASH)
    sale = write_receipt(one.shop, None, actor, time_s, paper, Buyer(tenancy, meter_number, "", CARD), [line])
    moves = books.paid([line], chart.vendor(one.shop.number), site.currency, 0)
    moves += books.credited(chart.SALE, chart.meter(meter_number), line.unit, line.quantity)
    post_new(f"sale:{sale.pk}", SALE, moves, books.event_of(sale, f"dispensing unit {one.issuer}/{number}"))
    Token.objects.create(
        meter=meter,
        sequence=number_of(one.issuer, count),
        kind=token.CREDIT_ENERGY if line.what == ENERGY else token.CREDIT_MONEY,
        unit=orders.ENERGY if line.what == ENERGY else orders.MONEY,
        amount=line.quantity,
        issued_s=time_s,
        sealed=b"",
        state=orders.ON_CARD,
        operator=actor.operator,
        tenant=meter.tenant,
        tenancy=tenancy,
        sale=sale,
    )
    return sale


def _line(price: int | None, gross: int, site: Site, charge: Charge | None) -> Line:
    """Return the line of a receipt: for money, or for energy at a price. Its quantity is what the unit worked out."""
    what, text, quantity, unit = MONEY, "credit", gross, site.currency
    if price is not None:
        what, quantity, unit = ENERGY, prices.energy_for(Charge(price), gross), chart.MWH
        text = energy_text(quantity)
    tax = NO_TAX if charge is None else Tax(charge.tax_name, charge.tax_ppm)
    return Line(what, text, quantity, unit, gross - prices.tax_in(gross, tax.ppm, site.decimals), gross, tax)


def _charge(what: str, tenancy: Tenancy | None, site: Site, time_s: int) -> Charge | None:
    """Return the price in force at a time for the customer of a tenancy, or None."""
    customer_type = None if tenancy is None else tenancy.customer.customer_type
    return prices.charge_for(what, customer_type, site.currency, time_s, utc_day(time_s))


def _tenancy(meter_number: int, time_s: int) -> Tenancy | None:
    """Return the tenancy at a meter at a time, or None."""
    rows = Tenancy.objects.filter(meter_number=meter_number, from_s__lte=time_s)
    rows = rows.filter(Q(until_s=None) | Q(until_s__gt=time_s)).select_related("customer__customer_type")
    return rows.order_by("-from_s").first()
