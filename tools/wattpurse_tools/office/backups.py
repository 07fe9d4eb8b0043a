"""Backups of the record: made daily, kept by a rule, and never with the vault in them.

The rule keeps the newest backup of each of the last 7 days, 5 weeks and 12 months that have one.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from django.db import connection, transaction

from wattpurse_tools.office import audit, backup_file, database_tools
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.backup_file import Manifest
from wattpurse_tools.record.models import Site
from wattpurse_tools.record.office_folder import SCHEMA_VERSION, OfficeFolder

_SUFFIX = ".backup"
_NAME = re.compile(r"office-(\d{8}T\d{6}Z)(?:-(\d+))?\.backup")
_TIME = "%Y%m%dT%H%M%SZ"
_KEPT: tuple[tuple[int, Callable[[date], object]], ...] = (
    (7, lambda day: day),
    (5, lambda day: day.isocalendar()[:2]),
    (12, lambda day: (day.year, day.month)),
)


@dataclass(frozen=True)
class Backup:
    """A backup that was made: its file, its manifest, and the older files that have gone by the rule."""

    path: Path
    manifest: Manifest
    pruned: tuple[Path, ...] = ()


def make(folder: OfficeFolder, actor: Actor, passphrase: str | None = None, now_s: float | None = None) -> Backup:
    """Back up the open record, sealed if there is a passphrase, and remove the backups that the rule does not keep.

    Right: manage. Raise ValueError if it cannot be done; then no backup has gone.
    """
    actor.require("manage")
    moment = datetime.fromtimestamp(time.time() if now_s is None else now_s, UTC)
    scrypt = None if passphrase is None else backup_file.new_scrypt(passphrase)
    folder.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.backups.chmod(0o700)
    path = _free_name(folder.backups, moment)
    database = path.with_name(path.name + ".database")
    database.unlink(missing_ok=True)
    try:
        database_tools.dump(database)
        size, sha256 = backup_file.measure(database)
        site = Site.objects.order_by("id").first()
        manifest = Manifest(
            made_s=int(moment.timestamp()),
            vendor=connection.vendor,
            schema_version=SCHEMA_VERSION,
            fingerprint="" if site is None else site.key_fingerprint,
            size=size,
            sha256=sha256,
            scrypt=scrypt,
        )
        backup_file.write(path, manifest, database, passphrase)
    finally:
        database.unlink(missing_ok=True)
    pruned = _prune(folder.backups)
    with transaction.atomic():
        audit.note(actor, "backup", path.name, size=size, sha256=sha256, pruned=[one.name for one in pruned])
    return Backup(path, manifest, tuple(pruned))


def make_daily(folder: OfficeFolder, actor: Actor, passphrase: str | None = None) -> Backup | None:
    """Back up unless there is a backup of this UTC day. Right: manage."""
    today = datetime.now(UTC).date()
    if any(_day(path) == today for path in listed(folder)):
        return None
    return make(folder, actor, passphrase)


def listed(folder: OfficeFolder) -> list[Path]:
    """Return the backups in the office's folder, oldest first."""
    return _listed(folder.backups)


def kept(days: list[date]) -> set[date]:
    """Return the days whose backup the rule keeps."""
    keep: set[date] = set()
    for number, period_of in _KEPT:
        newest: dict[object, date] = {}
        for day in sorted(days):
            newest[period_of(day)] = day
        keep.update(sorted(newest.values())[-number:])
    return keep


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [(path, _NAME.fullmatch(path.name)) for path in folder.iterdir() if path.is_file()]
    return [path for _, _, path in sorted((one[1], int(one[2] or 1), path) for path, one in found if one is not None)]


def _prune(folder: Path) -> list[Path]:
    """Remove the backups that the rule does not keep. The newest of a day is kept."""
    newest = {_day(path): path for path in _listed(folder)}
    keep = {newest[day] for day in kept(list(newest))}
    gone = [path for path in _listed(folder) if path not in keep]
    for path in gone:
        path.unlink()
    return gone


def _day(path: Path) -> date:
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise ValueError(f"{path}: is not the name of a backup")
    return datetime.strptime(found[1], _TIME).date()


def _free_name(folder: Path, moment: datetime) -> Path:
    base, number = f"office-{moment.strftime(_TIME)}", 1
    path = folder / f"{base}{_SUFFIX}"
    while path.exists():
        number += 1
        path = folder / f"{base}-{number}{_SUFFIX}"
    return path
