"""Meters: add one, list them, return their keys, and skip token numbers after an older record was restored."""

import re
from dataclasses import dataclass

from boards.host.chips.aes import aes
from wattpurse.core.currency import Currency, currency_of
from wattpurse.core.messages.release import make_release
from wattpurse_tools.station.station import Station


@dataclass(frozen=True)
class MeterSummary:
    """A meter of the station: its currency, its last token number, its unit or None, and its key versions."""

    number: int
    currency: Currency
    last_sequence: int
    unit: str | None
    meter_key_version: int
    site_key_version: int


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


def add(station: Station, number: int, code: str, decimals: int) -> Currency:
    """Add a meter that sells in a currency: three capital letters, and its decimals. Return the currency."""
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ValueError(f"{code!r} is no currency; write the three capital letters of ISO 4217")
    currency = Currency(code, decimals)
    if not station.add_meter(number, currency):
        raise ValueError(f"meter {number} is known already")
    return currency


def summaries(station: Station) -> list[MeterSummary]:
    """Return a summary of each meter."""
    return [
        MeterSummary(
            number=row["number"],
            currency=currency_of(dict(row)),
            last_sequence=row["last_sequence"],
            unit=row["unit"],
            meter_key_version=station.key_history.meter_version(row["number"]),
            site_key_version=station.key_history.site_version(row["number"]),
        )
        for row in station.meters()
    ]


def keys(station: Station, number: int, replaces: int | None = None) -> MeterKeys:
    """Return the keys of a meter in the record.

    `replaces` is the number that the meter had until its ledger was erased. The release for it is returned too.
    """
    station.known_meter(number)
    if replaces == number:
        raise ValueError(f"the number {number} is retired with its ledger: give the meter another number")
    key_version = station.key_history.meter_version(number)
    site_version = station.key_history.site_version(number)
    meter_key = station.site_keys.meter_key(number, key_version)
    site_key = station.site_keys.version(site_version).site_key
    release = None
    if replaces is not None:
        station.known_meter(replaces)
        former = station.site_keys.meter_key(replaces, station.key_history.meter_version(replaces))
        release = make_release(aes, former, number, meter_key, site_key)
    return MeterKeys(number, key_version, meter_key, site_key, station.numbers.newest(number), release)


def skip(station: Station, number: int) -> range:
    """Continue after the highest token number ever used with these keys. Return the numbers that are skipped."""
    station.known_meter(number)
    return station.numbers.skip(number)
