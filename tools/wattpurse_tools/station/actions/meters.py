"""Meters: add one, list them, return their keys, and remove or resume one."""

from dataclasses import dataclass

from wattpurse.core.currency import Currency, currency_of
from wattpurse.core.money import contract as contracts
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.station.station import Station


@dataclass(frozen=True)
class KeyVersions:
    """The versions of the two keys of a meter."""

    meter: int
    site: int


@dataclass(frozen=True)
class Supplied:
    """The supply of a meter: the tenant, and the unit and the contract of supply, each None if not known."""

    tenant: int
    unit: str | None
    contract: str | None


@dataclass(frozen=True)
class MeterSummary:
    """A meter of the station: its currency, its last token count, the time of its last statement.

    `stop_reason` gives the reason why sales to it are stopped, or is empty.
    """

    number: int
    currency: Currency
    last_count: int
    told_s: int
    stop_reason: str
    supplied: Supplied
    versions: KeyVersions


@dataclass(frozen=True)
class MeterKeys:
    """The keys that a meter is given, 16 bytes each, and their version.

    `used_tokens` are the newest token numbers of all issuers under these keys. A meter that replaces another one must
    count them as redeemed.
    `release` lets a meter that has keys already take these, or is None.
    """

    number: int
    key_version: int
    meter_key: bytes
    site_key: bytes
    used_tokens: list[int]
    release: bytes | None = None


def add(station: Station, number: int, contract: str = contracts.PrepaidMoney.name) -> Currency:
    """Add a meter that sells in the currency of the office. Return the currency.

    `contract` is the name of its contract of supply.
    """
    station.require("order")
    currency = site_currency()
    if not station.add_meter(number, currency, contract):
        raise ValueError(f"meter {number} is known already")
    return currency


def summaries(station: Station) -> list[MeterSummary]:
    """Return a summary of each meter."""
    return [
        MeterSummary(
            number=row["number"],
            currency=currency_of(dict(row)),
            last_count=row["last_count"],
            told_s=row["told_s"],
            stop_reason=row["stop_reason"],
            supplied=Supplied(row["tenant"], row["unit"], row["contract"] or None),
            versions=KeyVersions(meter=row["key_version"], site=row["site_version"]),
        )
        for row in station.meters()
    ]


def keys(station: Station, number: int, replaces: int | None = None, approval: str | None = None) -> MeterKeys:
    """Return the keys of a meter in the record. Two persons approve it once the meter has tokens.

    `replaces` is the number that the meter had until its ledger was erased. The release for it is returned too.
    """
    station.require("keys")
    station.known_meter(number)
    if replaces == number:
        raise ValueError(f"the number {number} is retired with its ledger: give the meter another number")
    key_version = station.key_history.meter_version(number)
    site_version = station.key_history.site_version(number)
    vault, ticket = station.keys, station.ticket
    release = None
    if replaces is not None:
        station.known_meter(replaces)
        former_version = station.key_history.meter_version(replaces)
        release = vault.release(ticket, replaces, former_version, number, key_version, site_version)
    meter_key, site_key = vault.meter_keys(ticket, number, key_version, site_version, approval)
    return MeterKeys(number, key_version, meter_key, site_key, station.numbers.newest(number), release)


def remove(station: Station, number: int) -> None:
    """Remove a meter that was added by mistake. Raise ValueError if it has any history."""
    station.require("order")
    station.remove_meter(number)


def resume(station: Station, number: int) -> str:
    """Sell to a meter again, after somebody has looked into the reason. Return the reason."""
    return station.resume(number)
