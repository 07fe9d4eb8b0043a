"""Checks of the audit trail, of the vault's log, and of the keys."""

from collections.abc import Iterator

from wattpurse_tools.office import audit
from wattpurse_tools.office.findings import Finding
from wattpurse_tools.record.models import Site
from wattpurse_tools.vault.interface import Keys
from wattpurse_tools.vault.log_file import FIRST_LINK, link_of

_AUDIT = "audit trail"
_LOG = "vault log"
_KEYS = "keys"


def trail_is_unbroken() -> Iterator[Finding]:
    """Find the first entry of the audit trail that was changed, or before which one was removed."""
    broken = audit.first_broken()
    if broken is not None:
        yield Finding(_AUDIT, f"entry {broken}", "does not fit the entry before: one was changed or removed")


def log_is_unbroken(keys: Keys) -> Iterator[Finding]:
    """Find the first line of the vault's log that was changed, or before which one was removed."""
    number, link = 0, FIRST_LINK
    while page := keys.log(number):
        for one in page:
            if one.link != link_of(link, one.number, one.time_s, one.operator, one.action, one.details):
                yield Finding(_LOG, f"line {one.number}", "does not fit the line before: one was changed or removed")
                return
            number, link = one.number, one.link


def keys_are_the_same(keys: Keys) -> Iterator[Finding]:
    """Find key versions that the record knows by another fingerprint than the vault, or that the vault has not."""
    site = Site.objects.order_by("id").first()
    if site is None:
        yield Finding(_KEYS, "site", "the record has no settings of the site; make them with: wattpurse office init")
        return
    if site.key_fingerprint != keys.fingerprint():
        yield Finding(_KEYS, "site", "the record belongs to other keys than the vault's")
    known = keys.fingerprints()
    for version, fingerprint in sorted(site.key_fingerprints.items(), key=lambda item: int(item[0])):
        if int(version) not in known:
            yield Finding(_KEYS, f"version {version}", "the vault has no such keys: it is an older copy")
        elif known[int(version)] != fingerprint:
            yield Finding(_KEYS, f"version {version}", "the vault has other keys of this version than the record knows")
