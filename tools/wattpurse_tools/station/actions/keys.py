"""Keys: make the next version of them in the vault, and the key document of a vending point."""

from collections.abc import Sequence

from wattpurse_tools.record.models import Site
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault.interface import Keys


def roll(station: Station, approval: str | None = None) -> int:
    """Make the next key version and return its number. The record notes its fingerprint."""
    station.require("keys")
    key_version = station.keys.roll(station.ticket, approval)
    fingerprints = {str(version): text for version, text in station.keys.fingerprints().items()}
    Site.objects.update(key_fingerprints=fingerprints)
    return key_version


def vending_point(station: Station, issuer: int, meters: Sequence[int], approval: str | None = None) -> dict:
    """Return the key document of a vending point, which seals for meters of the record as an issuer of its own."""
    station.require("keys")
    for number in meters:
        station.known_meter(number)
    return station.keys.vending_point(station.ticket, issuer, meters, approval)


def refuse_other_vault(keys: Keys) -> None:
    """Raise ValueError if the open record belongs to another vault."""
    known = Site.objects.values_list("key_fingerprint", flat=True).first()
    if known and known != keys.fingerprint():
        raise ValueError("this record belongs to another vault; use the two that belong together")
