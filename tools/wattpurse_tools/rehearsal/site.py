"""The site of a rehearsal: customers with meters of all contracts, in a new office, by the office's own actions."""

from dataclasses import dataclass

from django.db import transaction

from wattpurse.core.money import contract as contracts
from wattpurse_tools.fleet.house import House
from wattpurse_tools.fleet.meter import FleetMeter, Identity
from wattpurse_tools.headend import accounts
from wattpurse_tools.office import meters, tenancies
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Customer, Feeder, HeadendPolicy, Installation, Premises, Tariff, Tenancy
from wattpurse_tools.station.station import Station
from wattpurse_tools.tariffs import tariff_file

FIRST_METER = 10_000_001
PRICE_MICROUNITS = 250_000
EVERY_MINUTES = 60
DIGITS_LIMITS = {"short_token_limit_microunits": 20_000_000, "short_token_limit_mwh": 50_000_000}

_TENTHS = (
    contracts.PrepaidMoney.name,
    contracts.Managed.name,
    contracts.PrepaidMoney.name,
    contracts.PrepaidEnergy.name,
    contracts.Managed.name,
    contracts.Term.name,
    contracts.PrepaidMoney.name,
    contracts.Managed.name,
    contracts.Dispenser.name,
    contracts.SettledAccount.name,
)
_KEY_CARD_EVERY = 25
FEEDERS = ("North line", "South line")
_LANGUAGES = ("en", "de", "fr", "es", "ar")
_TARIFF = {
    "version": 1,
    "activation": "2020-01-01T00:00:00+00:00",
    "currency": "EUR",
    "zone": {"offset": "+00:00"},
    "rates": [{"name": "FLAT", "prices": ["0.25"]}],
    "day_types": {"all": {"00:00": "FLAT"}},
    "seasons": [{"start": "01-01", "days": "all"}],
}


@dataclass(frozen=True)
class Place:
    """A customer's place: the meter with its house, the tenancy, and the name of the feeder."""

    meter: FleetMeter
    tenancy: Tenancy
    feeder: str

    @property
    def number(self) -> int:
        """The number of the meter."""
        return self.meter.number

    @property
    def contract(self) -> str:
        """The contract at the beginning."""
        return self.meter.identity.contract


def contract_of(place: int) -> str:
    """Return the contract of the n-th meter."""
    if place % _KEY_CARD_EVERY == _KEY_CARD_EVERY - 1:
        return contracts.KeyCard.name
    return _TENTHS[place % len(_TENTHS)]


def build(
    office: Office, actor: Actor, count: int, now_s: int, permit_s: int, every_minutes: int = EVERY_MINUTES
) -> list[Place]:
    """Make `count` places, with meters that publish a statement every `every_minutes`.

    Permits last `permit_s` and are renewed when half of that is left.
    """
    table = tariff_file.encode(_TARIFF)
    with transaction.atomic():
        HeadendPolicy.objects.update_or_create(
            pk=1,
            defaults={
                "permit_s": permit_s,
                "renew_s": permit_s // 2,
                "friendly_from_minute": 0,
                "friendly_until_minute": 1_440,
                "friendly_weekdays": 127,
            },
        )
        office.keys.permit_tariff(actor.ticket, table)
        Tariff.objects.create(name="flat", version=1, table=table, created_s=now_s)
        feeders = [Feeder.objects.create(name=name) for name in FEEDERS]
    houses = (table, now_s, every_minutes)
    return [_place(office, actor, number, feeders, houses) for number in range(count)]


def _place(office: Office, actor: Actor, place: int, feeders: list[Feeder], how: tuple[bytes, int, int]) -> Place:
    table, now_s, every_minutes = how
    number, contract = FIRST_METER + place, contract_of(place)
    meters.add_meter(office, actor, number, contract)
    with transaction.atomic():
        customer = Customer.objects.create(
            number=1_000 + place,
            name=f"Customer {place}",
            language=_LANGUAGES[place % len(_LANGUAGES)],
            email=f"customer{place}@example.org",
            phone=f"+4930555{place:04}",
            created_s=now_s,
        )
        feeder = feeders[place % len(feeders)]
        premises = Premises.objects.create(name=f"Plot {place}", feeder=feeder)
        Installation.objects.create(meter_id=number, premises=premises, from_s=now_s)
    tenancy = tenancies.move_in(office, actor, premises, customer, now_s)
    if contract == contracts.Managed.name:
        accounts.open_account(office, actor, tenancy, now_s)
    version = office.keys.newest_version
    keys = office.keys.meter_keys(actor.ticket, number, version, version)
    identity = Identity(number, contract, *keys, key_version=version)
    Station(office.keys, actor).short_tokens.set_limits(number, DIGITS_LIMITS)
    house = House(number, 60 + place * 37 % 120)
    meter = FleetMeter(identity, house, table, now_s, every_minutes)
    meter.start()
    for name, value in DIGITS_LIMITS.items():
        meter.set_term(name, value)
    return Place(meter, tenancy, feeder.name)
