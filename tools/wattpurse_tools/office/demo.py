"""A site to try everything on: 3 shops, 60 meters of all contracts, a year of sales and readings.

All random choices have fixed seeds, so two demos of one day differ in keys, PINs and passwords alone. The tokens are
sealed by the vault. Receipts and ledger entries are those of the actions of selling, under the times of that year.
"""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from django.db import transaction

from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import count_of
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.models import Account, Entry, Transfer
from wattpurse_tools.ledger.posting import Event, Move, moved, post
from wattpurse_tools.office import approvals, audit, books, users
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import business_day
from wattpurse_tools.office.demo_years import DAY_S, DAYS_A_YEAR, House, Purchase, Year, content_of
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.receipts import Buyer, Paper, write_receipt
from wattpurse_tools.office.sale_plan import Plan, Terms, plan_sale
from wattpurse_tools.office.sale_types import CARD, CASH, DEBT, DIGITS, PERMIT, SALE, WRITTEN
from wattpurse_tools.office.setting_up import NewPerson
from wattpurse_tools.office.wishes import order_of
from wattpurse_tools.record.models import (
    BankDeposit,
    Card,
    Contract,
    Customer,
    CustomerType,
    Feeder,
    Installation,
    Meter,
    MonthlyReading,
    Premises,
    Price,
    Sale,
    Shift,
    Shop,
    Site,
    Statement,
    TaxRate,
    Tenancy,
    Till,
    Token,
    User,
)
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.actions import cards as card_actions
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.shop import open_shop
from wattpurse_tools.station.usefulness import unit_of
from wattpurse_tools.vault.interface import SALE as FOR_SALE
from wattpurse_tools.vault.interface import ApprovalNeeded, TokenOrder

# The meter of `make run`. It is new and has had no sale.
NEW_METER = 10_000_001
FIRST_METER = 10_000_101
CARDS = (("ada", "classic-1k", NEW_METER), ("bela", "ntag215", FIRST_METER), ("cem", "ntag216", FIRST_METER + 24))

_SEED = 2027
_UNIT = 1_000_000
_KWH = 1_000_000
_DEBT = 60 * _UNIT
_FLOAT = 100 * _UNIT
_AT_ONCE = 64  # tokens of a call of the vault
_SHOPS = (
    ("Harbour office", "1 Harbour Street", "Europe/London", "en"),
    ("Kiosk am Markt", "Marktplatz 4", "Europe/Berlin", "de"),
    ("Boutique du Port", "12 quai Sud", "Europe/Paris", "fr"),
)
_CASHIERS = ("karim", "lena", "marie")
_CLERK = "clara"
_CONTRACTS = (
    *[contracts.PrepaidMoney.name] * 24,
    *[contracts.PrepaidEnergy.name] * 12,
    *[contracts.Term.name] * 6,
    *[contracts.Dispenser.name] * 4,
    *[contracts.KeyCard.name] * 3,
    *[contracts.Managed.name] * 4,
    *[contracts.SettledAccount.name] * 2,
)
_FEEDERS = (("Harbour line", 1_020), ("Market line", 1_115))  # with the energy fed, in thousandths of that used
_REPLACED = 2  # meters that were taken out of service in the year
_BYPASSED = (5, 17)  # places of the meters with tamper
_INDEBTED = (3, 30)
_LANGUAGES = ("en", "de", "fr", "es", "ar")
_NAMES = {
    "en": ("Ada Whitlock", "Owen Price", "Grace Marsh", "Tom Ellery", "Ruth Hale"),
    "de": ("Jonas Weber", "Käthe Vogel", "Uwe Brandt", "Anke Sommer", "Bernd Öttl"),
    "fr": ("Élise Moreau", "Luc Besnard", "Noémie Caron", "Yves Lefort", "Zoé Aubry"),
    "es": ("Lucía Ortega", "Iñigo Peña", "Marta Ruiz", "Raúl Vega", "Pilar Núñez"),
    "ar": ("ليلى حداد", "سامي منصور", "هدى خليل", "كريم نصار", "ريم عبود"),
}


@dataclass(frozen=True)
class _Place:
    """A customer's meter: its rows, its shop, its card and its year."""

    meter: Meter
    tenancy: Tenancy
    shop: Shop
    card: str
    year: Year


@dataclass(frozen=True)
class _Desk:
    """A till with its shop and its cashier, and the settings of the site."""

    site: Site
    shop: Shop
    till: Till
    operator: int


@dataclass
class _Books:
    """The traces of the year's sales: tokens by meter, debts by tenancy, ends of permits by meter, and entries."""

    tokens: dict[int, list[tuple[Order, Token]]]
    debts: dict[int, int]
    permits: dict[int, int]
    entries: list[tuple[str, str, list[Move], Event]] = field(default_factory=list)

    def post(self, key: str, kind: str, moves: list[Move], event: Event) -> None:
        """Note an entry of the ledger."""
        self.entries.append((key, kind, moves, event))

    def write(self) -> None:
        """Book all entries at once."""
        names = {
            (code, move.unit) for _, _, moves, _ in self.entries for move in moves for code in (move.giver, move.taker)
        }
        known = set(Account.objects.values_list("code", "unit"))
        Account.objects.bulk_create(Account(code=code, unit=unit) for code, unit in sorted(names - known))
        accounts = {(one.code, one.unit): one for one in Account.objects.all()}
        rows = [Entry(key=key, kind=kind, **asdict(event)) for key, kind, _, event in self.entries]
        Entry.objects.bulk_create(rows)
        Transfer.objects.bulk_create(
            Transfer(
                entry=row,
                giver=accounts[move.giver, move.unit],
                taker=accounts[move.taker, move.unit],
                amount=move.amount,
            )
            for row, (_, _, moves, _) in zip(rows, self.entries, strict=True)
            for move in moves
        )


@dataclass(frozen=True)
class _Sold:
    """A sale to come: the place, and the purchase with its number in the year."""

    place: _Place
    purchase: Purchase
    number: int


def build(office: Office, people: Sequence[NewPerson]) -> list[NewPerson]:
    """Fill the open record of a new office, whose managers are `people`. Return the further people who may log in."""
    today_s = int(time.time()) // DAY_S * DAY_S
    first_s = today_s - DAYS_A_YEAR * DAY_S
    managers = [_signed_on(office, one) for one in people]
    made = [*_cashiers(office, managers), _add(office, managers, _CLERK, User.CLERK, None)]
    with transaction.atomic():
        _settings(first_s)
        places = _places(first_s)
        _feeders(places, first_s)
        _replaced_meters(first_s)
        sold = _sales(office, managers[0], places, {one.username: one.operator for one in made})
        _read_meters(places)
        audit.note(managers[0], "demo", "site", meters=Meter.objects.count(), sales=sold)
    _cards(office, managers[0])
    for one in managers:
        office.keys.sign_off(one.ticket)
    return made


def _signed_on(office: Office, person: NewPerson) -> Actor:
    session = office.keys.sign_on(person.operator, person.pin)
    return Actor.of(session)


def _cashiers(office: Office, managers: Sequence[Actor]) -> Iterator[NewPerson]:
    first = Shop.objects.order_by("number")[0]
    for number, (name, address, zone, language) in enumerate(_SHOPS, first.number):
        values = {
            "name": name,
            "address": address,
            "time_zone": zone,
            "language": language,
            "tax_number": f"DE{number:09}",
        }
        shop, _ = Shop.objects.update_or_create(number=number, defaults=values)
        for till in (1, 2):
            Till.objects.get_or_create(shop=shop, number=till)
        yield _add(office, managers, _CASHIERS[number - first.number], User.CASHIER, shop)


def _add(office: Office, managers: Sequence[Actor], name: str, role: str, shop: Shop | None) -> NewPerson:
    """Add a person. If two persons have to agree, they do."""
    number = None if shop is None else shop.number
    language = "en" if shop is None else shop.language
    try:
        person = users.add(office, managers[0], name, role, number)
    except ApprovalNeeded as needed:
        asked = approvals.propose(office, managers[0], needed, "a person of the demo")
        approvals.approve(office, managers[1], asked)
        person = users.add(office, managers[0], name, role, number, approval=asked.request)
    User.objects.filter(username=name).update(language=language)
    return person


def _settings(first_s: int) -> None:
    """Make prices and taxes, from the first day on."""
    site, day = Site.objects.get(), datetime.fromtimestamp(first_s, UTC).date()
    vat = TaxRate.objects.create(name="VAT", rate_ppm=190_000, from_day=day)
    business = CustomerType.objects.create(name="business")
    CustomerType.objects.create(name="household")
    for what, gross, kind in (
        ("kwh", 340_000, None),
        ("kwh", 310_000, business),
        ("day", 1_200_000, None),
        ("permit", 900_000, None),
        ("money", 1_000_000, None),
    ):
        Price.objects.create(
            what=what, customer_type=kind, currency=site.currency, gross_microunits=gross, tax=vat, from_s=first_s
        )


def _places(first_s: int) -> list[_Place]:
    """Make the customers with their premises, meters and cards, and live through their year."""
    site, shops = Site.objects.get(), list(Shop.objects.order_by("number"))
    types = list(CustomerType.objects.order_by("name"))
    places = []
    for place, contract in enumerate((contracts.PrepaidMoney.name, *_CONTRACTS)):
        number = NEW_METER if place == 0 else FIRST_METER + place - 1
        is_new = place == 0
        from_s = first_s + (DAYS_A_YEAR * DAY_S if is_new else 0)
        meter = _meter(site, number, contract, from_s)
        tenancy = _tenancy(place, meter, types[place % 8 != 0], from_s)
        uid = f"04{random.Random(_SEED + place).getrandbits(48):012x}"
        is_carded = not is_new and place % 5 != 4
        if is_carded:
            Card.objects.create(
                uid=uid,
                name=f"card-{number}",
                meter_number=number,
                role="customer",
                kind="ntag215",
                tenancy=tenancy,
                issued_s=from_s,
            )
        house = House(contract, (3 + place * 7 % 9) * _KWH, _SEED + place, place in _BYPASSED)
        year = Year() if is_new else house.year(first_s, _month_of)
        places.append(_Place(meter, tenancy, shops[place % len(shops)], uid if is_carded else "", year))
    return places


def _meter(site: Site, number: int, contract: str, from_s: int) -> Meter:
    meter = Meter.objects.create(
        number=number,
        currency=site.currency,
        decimals=site.decimals,
        contract=contract,
        unit=unit_of(contract),
        key_version=1,
        site_version=1,
        added_s=from_s,
    )
    Contract.objects.create(meter=meter, name=contract, from_s=from_s)
    return meter


def _tenancy(place: int, meter: Meter, kind: CustomerType, from_s: int) -> Tenancy:
    language = _LANGUAGES[place % len(_LANGUAGES)]
    names = _NAMES[language]
    customer = Customer.objects.create(
        number=1000 + place,
        name=f"{names[place // 5 % 5]}{'' if place < 25 else f' {place // 25 + 1}'}",
        customer_type=kind,
        language=language,
        phone=f"+49 30 5550{place:04}",
        email=f"customer{place}@example.org",
        created_s=from_s,
    )
    premises = Premises.objects.create(name=f"Quay {place // 20 + 1}, berth {place % 20 + 1}")
    Installation.objects.create(meter=meter, premises=premises, from_s=from_s)
    return Tenancy.objects.create(
        premises=premises,
        customer=customer,
        meter_number=meter.number,
        from_s=from_s,
        page_code=f"demo-{random.Random(_SEED * 3 + place).getrandbits(64):016x}",
    )


def _feeders(places: Sequence[_Place], first_s: int) -> None:
    """Make the lines, each with a meter that counts its loss too."""
    site = Site.objects.get()
    for line, (name, fed) in enumerate(_FEEDERS):
        meter = _meter(site, FIRST_METER + 100 + line, contracts.Managed.name, first_s)
        feeder = Feeder.objects.create(name=name, meter=meter)
        mine = [one for number, one in enumerate(places) if number % len(_FEEDERS) == line]
        Premises.objects.filter(tenancy__in=[one.tenancy for one in mine]).update(feeder=feeder)
        months: dict[int, int] = defaultdict(int)
        for one in mine:
            for month, used_mwh in one.year.months.items():
                months[month] += used_mwh * fed // 1000
        _write_months(meter, months)


def _replaced_meters(first_s: int) -> None:
    """Make meters that left in the middle of the year, with their last customer."""
    site = Site.objects.get()
    kind = CustomerType.objects.get(name="household")
    for place in range(_REPLACED):
        meter = _meter(site, FIRST_METER + 110 + place, contracts.SettledAccount.name, first_s)
        tenancy = _tenancy(60 + place, meter, kind, first_s)
        until_s, end_mwh = first_s + (150 + place * 30) * DAY_S, (900 + place) * _KWH
        Tenancy.objects.filter(pk=tenancy.pk).update(until_s=until_s)
        Installation.objects.filter(meter=meter).update(until_s=until_s, end_mwh=end_mwh)
        Contract.objects.filter(meter=meter).update(until_s=until_s)
        Meter.objects.filter(pk=meter.pk).update(is_retired=True)


def _sales(office: Office, manager: Actor, places: Sequence[_Place], operators: dict[str, int]) -> int:
    """Make tokens, receipts and entries of all sales of the year. Return their number."""
    _debts(places)
    coming = [_Sold(place, one, number) for place in places for number, one in enumerate(place.year.purchases)]
    coming.sort(key=lambda one: (one.place.shop.number, one.purchase.time_s, one.place.meter.number))
    debts = {place.tenancy.pk: _DEBT for number, place in enumerate(places) if number in _INDEBTED}
    kept, site = _Books(defaultdict(list), debts, {}), Site.objects.get()
    for shop_number, of_shop in groupby(coming, key=lambda one: one.place.shop.number):
        shop = Shop.objects.get(number=shop_number)
        operator = operators[_CASHIERS[shop_number - 1]]
        desk = _Desk(site, shop, Till.objects.get(shop=shop, number=1), operator)
        for _, of_day in groupby(of_shop, key=lambda one: business_day(shop, one.purchase.time_s)):
            day = list(of_day)
            shift = _open_shift(desk, kept, day[0].purchase.time_s - 1800)
            cash = sum(_sell(desk, shift, one, kept) for one in day)
            _close_shift(desk, kept, shift, cash, day[-1].purchase.time_s + 1800)
        desk.till.save(update_fields=["last_z"])
    kept.write()
    for meter_number, made in kept.tokens.items():
        _seal(office, manager, meter_number, made)
    return len(coming)


def _debts(places: Sequence[_Place]) -> None:
    site = Site.objects.get()
    for number in _INDEBTED:
        tenancy, shop = places[number].tenancy, places[number].shop
        moves = moved(chart.claim("connection"), chart.debt(tenancy.pk), site.currency, _DEBT)
        event = books.event_at(shop, 1, tenancy.from_s, f"tenancy:{tenancy.pk}", words="connection to the line")
        post(f"debt:{tenancy.pk}:connection", "debt", moves, event)


def _open_shift(desk: _Desk, kept: _Books, time_s: int) -> Shift:
    shift = Shift.objects.create(till=desk.till, operator=desk.operator, opened_s=time_s, float_microunits=_FLOAT)
    number = desk.shop.number
    moves = moved(chart.vendor(number), chart.drawer(number, shift.pk), desk.site.currency, _FLOAT)
    event = books.event_at(desk.shop, desk.operator, time_s, f"shift:{shift.pk}", shift.pk, "float")
    kept.post(f"shift:{shift.pk}:open", "open shift", moves, event)
    return shift


def _close_shift(desk: _Desk, kept: _Books, shift: Shift, cash: int, time_s: int) -> None:
    """Count the drawer, which is short by some cents now and then, and take the money to the bank."""
    shop, currency = desk.shop, desk.site.currency
    desk.till.last_z += 1
    expected = _FLOAT + cash
    short = 500_000 if desk.till.last_z % 40 == 0 else 0
    shift.expected_microunits, shift.counted_microunits = expected, expected - short
    shift.z_number, shift.closed_s = desk.till.last_z, time_s
    shift.save()
    drawer = chart.drawer(shop.number, shift.pk)
    moves = moved(drawer, chart.vendor(shop.number), currency, expected - short)
    moves += moved(drawer, chart.difference(shop.number), currency, short)
    event = books.event_at(shop, shift.operator, time_s, f"shift:{shift.pk}", shift.pk, "Z report")
    kept.post(f"shift:{shift.pk}:close", "close shift", moves, event)
    if cash > short:
        _deposit(desk, kept, shift, cash - short, time_s)


def _deposit(desk: _Desk, kept: _Books, shift: Shift, amount: int, time_s: int) -> None:
    deposit = BankDeposit.objects.create(
        shop=desk.shop,
        amount_microunits=amount,
        currency=desk.site.currency,
        reference=f"Z{shift.z_number}",
        time_s=time_s,
        operator=shift.operator,
    )
    moves = moved(chart.vendor(desk.shop.number), chart.bank(chart.DEPOSIT), desk.site.currency, amount)
    event = books.event_at(desk.shop, shift.operator, time_s, f"deposit:{deposit.pk}", words=deposit.reference)
    kept.post(f"deposit:{deposit.pk}", "deposit", moves, event)


def _sell(desk: _Desk, shift: Shift, one: _Sold, kept: _Books) -> int:
    """Write a receipt with its ledger entry, and note its token. Return the cash that came in."""
    place, wish, time_s, number = one.place, one.purchase.wish, one.purchase.time_s, one.place.meter.number
    tenancy, currency = place.tenancy, desk.site.currency
    plan = _plan(desk, one, kept.debts.get(tenancy.pk, 0))
    paid_back = sum(line.gross_microunits for line in plan.lines if line.what == DEBT)
    kept.debts[tenancy.pk] = kept.debts.get(tenancy.pk, 0) - paid_back
    payment = "mobile" if (number + one.number) % 4 == 0 else CASH
    paper = Paper(f"{desk.shop.number}:demo-{number}-{one.number}", SALE, WRITTEN, currency, payment, "demo")
    buyer = Buyer(tenancy, number, place.card, CARD if place.card else DIGITS)
    sale = write_receipt(desk.shop, shift, Actor(desk.operator, ""), time_s, paper, buyer, plan.lines)
    moves = books.paid(plan.lines, books.till_account(desk.shop, shift, payment), currency, tenancy.pk)
    moves += books.credited(chart.SALE, chart.meter(number), plan.unit, plan.amount)
    kept.post(f"sale:{sale.pk}", SALE, moves, books.event_of(sale))
    order = order_of(wish, plan.amount, max(time_s, kept.permits.get(number, 0)))
    if wish.what == PERMIT:
        kept.permits[number] = order.amount
    kept.tokens[number].append((order, _token(one, order, sale)))
    return sale.gross_microunits if payment == CASH else 0


def _token(one: _Sold, order: Order, sale: Sale) -> Token:
    """Return the row of a token without number and seal. A later statement of the year shows it redeemed."""
    place = one.place
    redeemed_s = next((told.time_s for told in place.year.statements if told.redeemed > one.number), None)
    waiting = orders.ON_CARD if place.card else orders.ISSUED
    return Token(
        meter=place.meter,
        kind=order.kind,
        words=order.words,
        unit=order.unit,
        amount=order.amount,
        issued_s=one.purchase.time_s,
        card=place.card,
        state=waiting if redeemed_s is None else orders.REDEEMED,
        operator=sale.operator,
        redeemed_s=redeemed_s,
        tenancy=place.tenancy,
        sale=sale,
    )


def _plan(desk: _Desk, one: _Sold, debt: int) -> Plan:
    site, time_s = desk.site, one.purchase.time_s
    terms = Terms(
        currency=site.currency,
        decimals=site.decimals,
        customer_type=one.place.tenancy.customer.customer_type_id,  # type: ignore[attr-defined]
        time_s=time_s,
        day=business_day(desk.shop, time_s),
        debt_microunits=debt,
        debt_share_ppm=site.debt_share_ppm,
    )
    return plan_sale(one.purchase.wish, terms)


def _seal(office: Office, manager: Actor, meter_number: int, made: Sequence[tuple[Order, Token]]) -> None:
    """Let the vault seal all tokens of a meter's year at once."""
    after = 0
    for place in range(0, len(made), _AT_ONCE):
        part = made[place : place + _AT_ONCE]
        wanted = [TokenOrder(order.kind, order.body) for order, _ in part]
        sealed = office.keys.issue(manager.ticket, meter_number, 1, wanted, after, FOR_SALE)
        for (order, token), one in zip(part, sealed, strict=True):
            token.sequence, token.sealed, token.after = one.sequence, one.sealed, one.after
            after = after if order.kind in orders.BENEFIT_KINDS else one.sequence
    Token.objects.bulk_create(token for _, token in made)
    Meter.objects.filter(number=meter_number).update(last_count=count_of(made[-1][1].sequence))


def _read_meters(places: Sequence[_Place]) -> None:
    """Write the statements and the monthly readings of the year."""
    for place in places:
        rows, contract = [], place.meter.contract
        for number, told in enumerate(place.year.statements, 1):
            content = content_of(told, number, place.meter.number, contract, _months_told(place.year, told.time_s))
            rows.append(
                Statement(
                    meter=place.meter,
                    time_s=told.time_s,
                    number=number,
                    unit=content["unit"],
                    contract=content["contract"],
                    balance=told.balance,
                    bought=told.bought,
                    charged=told.charged,
                    taken=0,
                    total_mwh=told.total_mwh,
                    alarms=", ".join(told.alarms),
                    content=content,
                    read_s=told.time_s + 60,
                )
            )
        Statement.objects.bulk_create(rows)
        _write_months(place.meter, place.year.months)
        if rows:
            newest = rows[-1]
            Meter.objects.filter(pk=place.meter.pk).update(
                told_s=newest.time_s, balance=newest.balance, alarms=newest.alarms, days_left=_days_left(place.year)
            )


def _months_told(year: Year, time_s: int) -> list[dict]:
    """Return the closed months that a statement tells, newest first, in Wh."""
    now = _month_of(time_s)
    return [
        {"index": month, "total_wh": used // 1000}
        for month, used in sorted(year.months.items(), reverse=True)
        if month < now
    ][:3]


def _write_months(meter: Meter, months: dict[int, int]) -> None:
    newest = max(months, default=0)
    MonthlyReading.objects.bulk_create(
        MonthlyReading(
            meter=meter,
            month=month,
            total_wh=used_mwh // 1000,
            rate_wh=[used_mwh // 1000],
            is_closed=month < newest,
        )
        for month, used_mwh in sorted(months.items())
    )


def _days_left(year: Year) -> int | None:
    newest = year.statements[-1]
    if not newest.charged:
        return None
    return newest.balance * DAYS_A_YEAR // newest.charged


def _cards(office: Office, manager: Actor) -> None:
    """Put some cards into the card folder."""
    shop = open_shop(office.keys, office.folder.cards, manager)
    for name, kind, meter_number in CARDS:
        card_actions.new_customer_card(shop, name, kind, meter_number)
        uid = shop.cards.read(name).card.uid.hex()
        tenancy = Tenancy.objects.get(meter_number=meter_number, until_s=None)
        Card.objects.filter(uid=uid).update(tenancy=tenancy)


def _month_of(time_s: int) -> int:
    moment = datetime.fromtimestamp(time_s, UTC)
    return moment.year * 12 + moment.month - 1
