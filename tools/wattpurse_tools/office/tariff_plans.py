"""Versions of tariffs, planned changes for many meters, and bills that show a tariff beforehand.

A version is in the meter's own bytes and never changes. A plan waits for the next top-up of its meter, which carries
the tariff. A meter has one open plan: a later one takes its place.
"""

import json
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from wattpurse.core.money.contract import Managed, PrepaidMoney, by_name
from wattpurse.core.tariffs.tariff import Tariff as MeterTariff
from wattpurse_tools.loads.reading import LoadFile
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Meter, Statement, Tariff, TariffPlan
from wattpurse_tools.tariffs import bill, succession, tariff_file
from wattpurse_tools.tariffs.bill import Bill
from wattpurse_tools.tariffs.load_curve import LoadCurve

LOAD_LIMIT = 20_000_000

_BATCH = 500
_HOUR_S = 3600
_NAME_LIMIT = 64
_TEXT_LIMIT = 100_000


@dataclass(frozen=True)
class Draft:
    """A tariff that is not in the record: its table, and the fate of the registers after the version before."""

    table: bytes
    fate: list[str]

    @property
    def tariff(self) -> MeterTariff:
        """The tariff as a meter reads it."""
        return MeterTariff(self.table)


@dataclass(frozen=True)
class Planned:
    """The number of meters with a plan, and the meters that were left out, with the reason of each."""

    count: int
    left_out: list[tuple[int, str]]


def draft(name: str, text: str) -> Draft:
    """Return the tariff that a TOML or JSON document describes. Raise ValueError if a meter would refuse it."""
    if not name.strip() or len(name) > _NAME_LIMIT:
        raise ValueError(f"name: write one of at most {_NAME_LIMIT} characters, such as household")
    if len(text) > _TEXT_LIMIT:
        raise ValueError(f"document: has {len(text):,} characters; a tariff needs fewer than {_TEXT_LIMIT:,}")
    table = tariff_file.encode(_document(text))
    tariff = MeterTariff(table)
    earlier = [MeterTariff(bytes(one.table)) for one in Tariff.objects.filter(name=name).order_by("version")]
    return Draft(table, succession.check(earlier, tariff) if earlier else [])


def add_version(office: Office, actor: Actor, name: str, text: str) -> Tariff:
    """Add a version of a tariff. Raise ValueError if it cannot follow the versions before it."""
    actor.require("order")
    with transaction.atomic():
        made = draft(name, text)
        added = Tariff.objects.create(
            name=name, version=made.tariff.version, table=made.table, document=text, created_s=int(time.time())
        )
        audit.note(actor, "tariff add", f"tariff:{name}", version=added.version)
    return added


def preview(tariffs: Sequence[Tariff], load: LoadCurve | LoadFile, contract: str, tax_permyriad: int = 0) -> Bill:
    """Return the bill of a load by the meter's own engine. The tariffs follow each other.

    A meter of the contract "managed" charges nothing itself: the bill is that of its account.
    """
    meter_tariffs = [MeterTariff(bytes(one.table)) for one in tariffs]
    charged_as = PrepaidMoney if contract == Managed.name else by_name(contract)
    return bill.calculate(meter_tariffs, load, charged_as, tax_permyriad)


def preview_file(tariff: Tariff, data: bytes, contract: str, tax_permyriad: int = 0) -> Bill:
    """Return the bill of a load file of any format that `wattpurse bill` reads."""
    if len(data) > LOAD_LIMIT:
        raise ValueError(f"the file has {len(data):,} bytes; a load file has at most {LOAD_LIMIT:,}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "load file"
        path.write_bytes(data)
        return preview([tariff], LoadFile(path), contract, tax_permyriad)


def even_load(start_s: int, end_s: int, energy_mwh: int) -> LoadCurve:
    """Return energy spread evenly over the hours of a time."""
    hours = max(1, (end_s - start_s) // _HOUR_S)
    sums = [energy_mwh * hour // hours for hour in range(hours + 1)]
    return LoadCurve(start_s, _HOUR_S, tuple(later - earlier for earlier, later in zip(sums, sums[1:], strict=False)))


def plan(office: Office, actor: Actor, tariff: Tariff, meters: Sequence[int], from_s: int) -> Planned:
    """Plan a tariff for meters, from a time on. Meters that would refuse it are left out, with the reason."""
    actor.require("order")
    numbers = list(dict.fromkeys(meters))
    if not numbers:
        raise ValueError("no meter fits the choice; choose another type of customer, feeder or list of meters")
    meter_tariff = MeterTariff(bytes(tariff.table))
    office.keys.permit_tariff(actor.ticket, bytes(tariff.table))  # a cashier's sale carries it
    left_out: list[tuple[int, str]] = []
    count = 0
    with transaction.atomic():
        for begin in range(0, len(numbers), _BATCH):
            batch = numbers[begin : begin + _BATCH]
            refused = _refused(batch, meter_tariff)
            fitting = [number for number in batch if number not in refused]
            left_out += [(number, refused[number]) for number in batch if number in refused]
            TariffPlan.objects.filter(meter_id__in=fitting, token=None).delete()
            TariffPlan.objects.bulk_create(
                [TariffPlan(meter_id=number, tariff=tariff, from_s=from_s) for number in fitting]
            )
            count += len(fitting)
        audit.note(
            actor, "tariff plan", f"tariff:{tariff.name}", version=tariff.version, meters=count, left_out=len(left_out)
        )
    return Planned(count, left_out)


def cancel(office: Office, actor: Actor, meters: Sequence[int]) -> int:
    """Cancel the open plans of meters. Return the number of plans. A plan that a token carries stays."""
    actor.require("order")
    with transaction.atomic():
        count = 0
        numbers = list(meters)
        for begin in range(0, len(numbers), _BATCH):
            open_plans = TariffPlan.objects.filter(meter_id__in=numbers[begin : begin + _BATCH], token=None)
            count += open_plans.delete()[0]
        audit.note(actor, "tariff plan cancel", "", meters=count)
    return count


def _refused(numbers: Sequence[int], tariff: MeterTariff) -> dict[int, str]:
    """Return the reason for each meter that would refuse the tariff."""
    known = {meter.number: meter for meter in Meter.objects.filter(number__in=numbers)}
    versions = _newest_versions(numbers)
    refused = {}
    for number in numbers:
        meter = known.get(number)
        if meter is None:
            refused[number] = "is not in the record"
        elif meter.is_retired:
            refused[number] = "is retired"
        elif meter.currency != tariff.currency.code:
            refused[number] = f"has credit in {meter.currency}, and the tariff is in {tariff.currency.code}"
        elif versions.get(number, -1) >= tariff.version:
            refused[number] = f"has version {versions[number]} and takes only a higher one"
    return refused


def _newest_versions(numbers: Sequence[int]) -> dict[int, int]:
    """Return the version of the tariff in the newest statement of each meter, if it has one."""
    told = Statement.objects.filter(meter_id__in=numbers)
    rows = told.order_by("time_s", "id").values_list("meter_id", "content__tariff_version")
    return {meter: version for meter, version in rows if version is not None}


def _document(text: str) -> dict[str, Any]:
    """Return the document of a text in JSON or TOML."""
    try:
        return json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        raise ValueError(f"document: is neither TOML nor JSON: {error}") from error
