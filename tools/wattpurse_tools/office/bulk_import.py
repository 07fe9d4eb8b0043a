"""Customers, premises and meters from a table: all rows or none. Every wrong row is named with its line and a remedy.

A row has a customer, premises, a meter, or several of them. A row with all three is a tenancy that begins at the day
`since`. A row with premises and a meter is a meter without a tenant. A customer whose number is in the record, or on an
earlier line, must have the same name; so one customer may have several premises.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from wattpurse.core.money.contract import CONTRACTS
from wattpurse_tools.office import audit, people
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.import_tables import Row, rows_of
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.page_codes import new_page_code
from wattpurse_tools.office.people import Coordinates, CustomerFacts
from wattpurse_tools.office.site_days import day_start_s, parse_day, site_zone, today
from wattpurse_tools.record.models import (
    Contract,
    Customer,
    CustomerType,
    Feeder,
    Installation,
    Meter,
    Premises,
    Site,
    Tenancy,
)
from wattpurse_tools.station.usefulness import unit_of

COLUMNS = (
    "customer",
    "name",
    "type",
    "language",
    "email",
    "phone",
    "address",
    "premises",
    "premises_address",
    "feeder",
    "latitude",
    "longitude",
    "meter",
    "contract",
    "register_kwh",
    "since",
)
NEEDED: tuple[str, ...] = ()

_FAULTS_SHOWN = 1000
_BATCH = 500
_METER_LIMIT = (1 << 32) - 1
_NUMBER_LIMIT = (1 << 63) - 1
_MWH_PER_KWH = 1_000_000
_CUSTOMER_COLUMNS = ("customer", "name", "type", "email", "phone", "address")


@dataclass(frozen=True)
class Fault:
    """A wrong cell: the line of the file, the column, and the reason with the remedy."""

    line: int
    column: str
    words: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.words}"


@dataclass
class Entry:
    """A row as it will be booked. `customer` is a number, or None for none or the next one."""

    line: int
    customer: int | None = None
    facts: CustomerFacts | None = None
    premises: str = ""
    meter: int | None = None
    premises_address: str = field(default="", init=False)
    feeder: str = field(default="", init=False)
    coordinates: Coordinates | None = field(default=None, init=False)
    contract: str = field(default="", init=False)
    register_mwh: int = field(default=0, init=False)
    since_s: int = field(default=0, init=False)


@dataclass
class Plan:
    """The content of a file, and its faults. Only a plan without faults can be booked."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    more_faults: int = 0

    @property
    def is_good(self) -> bool:
        """True if the plan has rows and no faults."""
        return bool(self.entries) and not self.faults

    def counts(self) -> dict[str, int]:
        """Return the number of rows, customers, premises, meters and tenancies in the file."""
        return {
            "rows": len(self.entries),
            "customers": len({entry.customer or -entry.line for entry in self.entries if entry.facts}),
            "premises": len({entry.premises for entry in self.entries if entry.premises}),
            "meters": sum(entry.meter is not None for entry in self.entries),
            "tenancies": sum(_is_tenancy(entry) for entry in self.entries),
        }

    def refuse(self, line: int, column: str, words: str) -> None:
        """Add a fault."""
        if len(self.faults) < _FAULTS_SHOWN:
            self.faults.append(Fault(line, column, words))
        else:
            self.more_faults += 1


def read(data: bytes) -> Plan:
    """Return the plan of a file, with all its faults. Raise ValueError if the file is no table of these columns."""
    plan = Plan()
    zone = site_zone()
    for row in rows_of(data, COLUMNS, NEEDED):
        entry = _Reader(plan, row, zone).entry()
        plan.entries.append(entry)
    if not plan.entries:
        plan.refuse(1, "rows", "the file has a heading and no rows; add a row for each customer or meter")
    _check_among_rows(plan)
    _check_against_record(plan)
    plan.faults.sort(key=lambda fault: (fault.line, COLUMNS.index(fault.column) if fault.column in COLUMNS else 0))
    return plan


def book(office: Office, actor: Actor, data: bytes) -> Plan:
    """Book a file, all rows or none, and return its plan. Raise ValueError with the first fault if it has one."""
    actor.require("manage")
    with transaction.atomic():
        Site.objects.select_for_update().first()  # the record stays as the checks see it
        plan = read(data)
        if not plan.is_good:
            raise ValueError(f"nothing was imported: {plan.faults[0]}")
        _Booking(plan, office.keys.newest_version).book()
        audit.note(actor, "import", "", **plan.counts())
    return plan


class _Reader:
    """Read one row. Faults go to the plan."""

    def __init__(self, plan: Plan, row: Row, zone: tzinfo) -> None:
        self._plan = plan
        self._line = row.line
        self._cells = row.cells
        self._zone = zone

    def entry(self) -> Entry:
        """Return the row as it will be booked, as far as it can be read."""
        cells = self._cells
        entry = Entry(self._line, premises=cells["premises"])
        entry.premises_address, entry.feeder = cells["premises_address"], cells["feeder"]
        entry.contract = cells["contract"]
        if any(cells[name] for name in _CUSTOMER_COLUMNS):
            entry.customer = self._number("customer", 1, _NUMBER_LIMIT)
            entry.facts = self._facts()
        if cells["meter"]:
            entry.meter = self._number("meter", 1, _METER_LIMIT)
        self._check_place(entry)
        entry.coordinates = self._coordinates()
        entry.register_mwh = self._register()
        entry.since_s = self._since()
        return entry

    def _facts(self) -> CustomerFacts:
        cells = self._cells
        facts = CustomerFacts(
            name=cells["name"],
            customer_type=cells["type"],
            language=cells["language"] or "en",
            email=cells["email"],
            phone=cells["phone"],
            address=cells["address"],
        )
        fault = people.fault_in(facts)
        if fault is not None:
            self._plan.refuse(self._line, *fault)
        return facts

    def _check_place(self, entry: Entry) -> None:
        has_meter = bool(self._cells["meter"])
        if not (entry.facts or entry.premises or has_meter):
            self._plan.refuse(self._line, "customer", "the row has no customer, premises or meter; add one")
        if has_meter and not entry.premises:
            self._plan.refuse(self._line, "premises", "is empty; a meter is somewhere, so name its premises")
        if has_meter and entry.contract not in [contract.name for contract in CONTRACTS]:
            names = ", ".join(contract.name for contract in CONTRACTS)
            self._plan.refuse(self._line, "contract", f"{entry.contract or 'empty'} is no contract; write {names}")
        if not has_meter and entry.contract:
            self._plan.refuse(self._line, "meter", "is empty, and there is a contract; write the number of its meter")
        for column, limit in (("premises", 120), ("premises_address", 240)):
            try:
                people.check_text(self._cells[column], column, limit)
            except ValueError as error:
                self._plan.refuse(self._line, column, str(error).removeprefix(f"{column}: "))

    def _coordinates(self) -> Coordinates | None:
        cells = self._cells
        try:
            return Coordinates.typed(cells["latitude"], cells["longitude"])
        except ValueError as error:
            column, _, words = str(error).partition(": ")
            self._plan.refuse(self._line, column, words)
            return None

    def _number(self, column: str, lowest: int, highest: int) -> int | None:
        text = self._cells[column]
        if not text:
            return None
        if text.isascii() and text.isdecimal() and len(text) < 20 and lowest <= int(text) <= highest:
            return int(text)
        self._plan.refuse(self._line, column, f"{text} is wrong; write a whole number from {lowest} to {highest}")
        return None

    def _register(self) -> int:
        text = self._cells["register_kwh"]
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        if not text:
            return 0
        if not (whole and digits.isascii() and digits.isdecimal()) or len(whole) > 8 or len(fraction) > 6:
            self._plan.refuse(self._line, "register_kwh", f"{text} is wrong; write kWh with a point, such as 1234.5")
            return 0
        return int(whole) * _MWH_PER_KWH + int(fraction.ljust(6, "0"))

    def _since(self) -> int:
        text = self._cells["since"]
        try:
            day = parse_day(text) if text else today(self._zone)
        except ValueError as error:
            self._plan.refuse(self._line, "since", str(error))
            return 0
        if day > today(self._zone):
            self._plan.refuse(self._line, "since", f"{text} lies ahead; import the row on that day")
        return day_start_s(day, self._zone)


def _check_among_rows(plan: Plan) -> None:
    """Refuse rows that contradict an earlier row."""
    names: dict[int, tuple[str, int]] = {}
    places: dict[str, int] = {}
    meters: dict[int, int] = {}
    for entry in plan.entries:
        if entry.customer is not None and entry.facts is not None:
            name, line = names.setdefault(entry.customer, (entry.facts.name, entry.line))
            if name != entry.facts.name:
                plan.refuse(entry.line, "name", f"customer {entry.customer} is {name} on line {line}; write one name")
        if entry.premises and places.setdefault(entry.premises, entry.line) != entry.line:
            words = f"{entry.premises} is on line {places[entry.premises]} too; give each place a name of its own"
            plan.refuse(entry.line, "premises", words)
        if entry.meter is not None and meters.setdefault(entry.meter, entry.line) != entry.line:
            plan.refuse(entry.line, "meter", f"{entry.meter} is on line {meters[entry.meter]} too; correct one of them")


def _check_against_record(plan: Plan) -> None:
    """Refuse rows that contradict the record. It is asked a few times, however many rows there are."""
    types = set(CustomerType.objects.values_list("name", flat=True))
    feeders = set(Feeder.objects.values_list("name", flat=True))
    numbers = [entry.customer for entry in plan.entries if entry.customer is not None]
    known = dict(_in_batches(numbers, lambda some: Customer.objects.filter(number__in=some), "number", "name"))
    meters = {entry.meter for entry in plan.entries if entry.meter is not None}
    taken = {
        one for one, _ in _in_batches(meters, lambda some: Meter.objects.filter(number__in=some), "number", "unit")
    }
    names = {entry.premises for entry in plan.entries if entry.premises}
    places = {one for one, _ in _in_batches(names, lambda some: Premises.objects.filter(name__in=some), "name", "id")}
    for entry in plan.entries:
        if entry.facts is not None and entry.facts.customer_type and entry.facts.customer_type not in types:
            words = f"{entry.facts.customer_type} is unknown; the types are {', '.join(sorted(types)) or 'none yet'}"
            plan.refuse(entry.line, "type", words)
        if entry.feeder and entry.feeder not in feeders:
            words = f"{entry.feeder} is unknown; the feeders are {', '.join(sorted(feeders)) or 'none yet'}"
            plan.refuse(entry.line, "feeder", words)
        if entry.facts is not None and known.get(entry.customer, entry.facts.name) != entry.facts.name:
            words = f"customer {entry.customer} is {known[entry.customer]} in the record; write that name, or no number"
            plan.refuse(entry.line, "name", words)
        if entry.meter in taken:
            plan.refuse(entry.line, "meter", f"{entry.meter} is in the record already; leave the row out")
        if entry.premises in places:
            plan.refuse(entry.line, "premises", f"{entry.premises} is in the record already; leave the row out")


class _Booking:
    """Write the rows of a plan that has no faults. The caller opens the transaction."""

    def __init__(self, plan: Plan, key_version: int) -> None:
        self._entries = plan.entries
        self._key_version = key_version
        self._now_s = int(time.time())

    def book(self) -> None:
        """Write all rows."""
        customers = self._book_customers()
        places = self._book_premises()
        self._book_meters(places)
        tenancies = [
            Tenancy(
                premises_id=places[entry.premises],
                customer_id=customers[entry.line],
                meter_number=entry.meter,
                tenant=0,  # the number of a meter's first tenant
                from_s=entry.since_s,
                page_code=new_page_code(),
            )
            for entry in self._entries
            if _is_tenancy(entry)
        ]
        Tenancy.objects.bulk_create(tenancies, batch_size=_BATCH)

    def _book_customers(self) -> dict[int, int]:
        """Return the row of the customer of each line."""
        types = dict(CustomerType.objects.values_list("name", "id"))
        numbers = [entry.customer for entry in self._entries if entry.customer is not None]
        rows = dict(_in_batches(numbers, lambda some: Customer.objects.filter(number__in=some), "number", "id"))
        new: dict[int, Customer] = {}
        number_of = {}
        following = max(people.next_number(), max(numbers, default=0) + 1)
        for entry in self._entries:
            if entry.facts is None:
                continue
            number = entry.customer
            if number is None:
                number, following = following, following + 1
            number_of[entry.line] = number
            if number not in rows and number not in new:
                facts = entry.facts
                new[number] = Customer(
                    number=number,
                    name=facts.name,
                    customer_type_id=types.get(facts.customer_type),
                    language=facts.language,
                    email=facts.email,
                    phone=facts.phone,
                    address=facts.address,
                    created_s=self._now_s,
                )
        Customer.objects.bulk_create(new.values(), batch_size=_BATCH)
        rows |= dict(_in_batches(new, lambda some: Customer.objects.filter(number__in=some), "number", "id"))
        return {line: rows[number] for line, number in number_of.items()}

    def _book_premises(self) -> dict[str, int]:
        """Return the row of each premises by name."""
        feeders = dict(Feeder.objects.values_list("name", "id"))
        new = [
            Premises(
                name=entry.premises,
                address=entry.premises_address,
                feeder_id=feeders.get(entry.feeder),
                **people.place_columns(entry.coordinates),
            )
            for entry in self._entries
            if entry.premises
        ]
        Premises.objects.bulk_create(new, batch_size=_BATCH)
        names = [place.name for place in new]
        return dict(_in_batches(names, lambda some: Premises.objects.filter(name__in=some), "name", "id"))

    def _book_meters(self, places: dict[str, int]) -> None:
        site = Site.objects.get()
        with_meter = [entry for entry in self._entries if entry.meter is not None]
        Meter.objects.bulk_create(
            [
                Meter(
                    number=entry.meter,
                    currency=site.currency,
                    decimals=site.decimals,
                    unit=unit_of(entry.contract),
                    contract=entry.contract,
                    key_version=self._key_version,
                    site_version=self._key_version,
                    added_s=self._now_s,
                )
                for entry in with_meter
            ],
            batch_size=_BATCH,
        )
        Contract.objects.bulk_create(
            [Contract(meter_id=entry.meter, name=entry.contract, from_s=entry.since_s) for entry in with_meter],
            batch_size=_BATCH,
        )
        Installation.objects.bulk_create(
            [
                Installation(
                    meter_id=entry.meter,
                    premises_id=places[entry.premises],
                    from_s=entry.since_s,
                    start_mwh=entry.register_mwh,
                )
                for entry in with_meter
            ],
            batch_size=_BATCH,
        )


def _is_tenancy(entry: Entry) -> bool:
    return entry.facts is not None and bool(entry.premises) and entry.meter is not None


def _in_batches(
    values: Iterable[object], rows: Callable[[list[object]], QuerySet[Any]], key: str, value: str
) -> list[tuple[Any, Any]]:
    """Return two columns of the rows that `rows` finds for the values. SQLite takes so many values at a time."""
    found: list[tuple[Any, Any]] = []
    listed = list(values)
    for begin in range(0, len(listed), _BATCH):
        found += rows(listed[begin : begin + _BATCH]).values_list(key, value)
    return found
