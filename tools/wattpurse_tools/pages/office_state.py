"""The state of an office for its keeper: folder, database, vault, open shifts and requests."""

from django.db import connection

from wattpurse_tools import private_files
from wattpurse_tools.pages.office_checks import site_of_record, waiting_migrations
from wattpurse_tools.record.models import ApiToken, AuditEntry, Sale, Shift, Shop, User
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.utc_texts import rfc3339
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.interface import VaultClosed


def state_of(folder: OfficeFolder) -> dict[str, object]:
    """Return facts by name. `is_fit` says whether the office can be served and sells."""
    site = site_of_record()
    waiting = waiting_migrations()
    state: dict[str, object] = {
        "folder": str(folder.path.resolve()),
        "name": site.name,
        "database": connection.vendor,
        "changes_of_tables_that_wait": waiting,
        "files_open_to_others": _open_to_others(folder),
        "shops": Shop.objects.filter(is_active=True).count(),
        "people": User.objects.filter(is_active=True).exclude(operator=None).count(),
        "programs_of_shops": ApiToken.objects.filter(revoked_s=None).count(),
        "open_shifts": Shift.objects.filter(closed_s=None).count(),
        "owed_to_cards": Sale.objects.filter(state="sold", carrier="card").count(),
        "audit_entries": AuditEntry.objects.count(),
        "newest_sale": _time_text(Sale.objects.order_by("-time_s").values_list("time_s", flat=True).first()),
    }
    vault = _vault_state(folder, site.key_fingerprint)
    is_fit = not waiting and not state["files_open_to_others"] and vault["vault_is_that_of_the_record"]
    return state | vault | {"is_fit": bool(is_fit)}


def _vault_state(folder: OfficeFolder, fingerprint: str) -> dict[str, object]:
    try:
        told = VaultClient(folder.socket).status()
    except VaultClosed as error:
        return {"vault": str(error), "vault_is_that_of_the_record": False}
    return {
        "vault": "serves",
        "vault_is_that_of_the_record": told["fingerprint"] == fingerprint,
        "persons": told["persons"],
        "key_versions": told["versions"],
        "open_sessions": told["sessions"],
        "open_requests": told["open_requests"],
    }


def _open_to_others(folder: OfficeFolder) -> list[str]:
    """Return a line for each file or folder that others may read, or reach by a link."""
    found = []
    for path in (folder.path, folder.vault, folder.cards, folder.backups):
        try:
            private_files.check_folder(path)
        except FileNotFoundError:
            continue
        except ValueError as error:
            found.append(str(error))
    for path in (folder.secret, folder.database, folder.trial_passphrase):
        try:
            private_files.check(path)
        except FileNotFoundError:
            continue
        except ValueError as error:
            found.append(str(error))
    return found


def _time_text(utc_s: int | None) -> str | None:
    return None if utc_s is None else rfc3339(utc_s)
