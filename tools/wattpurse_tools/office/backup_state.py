"""The state of the daily backups: which there are, and whether the newest one is late."""

from dataclasses import dataclass
from pathlib import Path

from wattpurse_tools.office import backup_file, backups
from wattpurse_tools.record.office_folder import OfficeFolder

LATE_S = 26 * 3600


@dataclass(frozen=True)
class BackupRow:
    """A backup in the folder: its name, when it was made, its size in bytes, and whether a passphrase seals it.

    `fault` says why it cannot be used, or is empty.
    """

    name: str
    made_s: int
    size: int
    is_sealed: bool
    fault: str = ""


@dataclass(frozen=True)
class BackupState:
    """All backups, the newest first. `is_late` is True if the newest good one is older than 26 hours."""

    rows: list[BackupRow]
    newest_s: int
    is_late: bool


def state(folder: OfficeFolder, now_s: int) -> BackupState:
    """Return the state of the backups of an office."""
    rows = [_row(path) for path in reversed(backups.listed(folder))]
    newest_s = max((row.made_s for row in rows if not row.fault), default=0)
    return BackupState(rows, newest_s, newest_s < now_s - LATE_S)


def _row(path: Path) -> BackupRow:
    size = path.stat().st_size
    try:
        manifest = backup_file.read_manifest(path)
    except (OSError, ValueError) as error:
        return BackupRow(path.name, 0, size, False, str(error))
    return BackupRow(path.name, manifest.made_s, size, manifest.scrypt is not None)
