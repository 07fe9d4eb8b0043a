"""Refuse keys and counters that do not belong together, or of which one is an older copy.

With an older copy, token numbers or key versions would be made twice.
"""

from wattpurse.core.money.token_windows import count_of
from wattpurse_tools.vault import actions
from wattpurse_tools.vault import counters as counter_files
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.key_store import NAME, KeyStore
from wattpurse_tools.vault.log_file import FIRST_LINK, LogFile


def open_counters(folder: Folder) -> Counters:
    """Return the counters in a folder. Raise ValueError, with the remedy, if they are missing."""
    if not folder.has(counter_files.NAME):
        raise ValueError(
            f"{folder.path / counter_files.NAME}: the counters are missing, and without them token numbers would be"
            " used again; put the newest copy back, or, if they are lost, begin anew with: wattpurse vault init"
            " --counters-lost"
        )
    return Counters(folder)


def refuse_strangers(folder: Folder, store: KeyStore, counters: Counters) -> None:
    """Raise ValueError unless keys and counters in a folder belong together and none is an older copy."""
    if counters.fact("fingerprint") != store.ring.fingerprint():
        raise ValueError(f"{folder.path}: the counters are those of other keys; put the two together that belong so")
    known = int(counters.fact("generation") or 0)
    if store.generation < known:
        raise ValueError(
            f"{folder.path / NAME}: is an older copy of the key file; put the newest back, or, if it is lost, go on"
            " with this one by: wattpurse vault init --older-keys"
        )
    if store.generation > known and store.generation != int(counters.fact("pending") or 0):
        raise _older_counters(folder)
    for key_version, fingerprint in store.ring.fingerprints().items():
        if counters.versions().get(key_version, fingerprint) != fingerprint:
            raise ValueError(
                f"{folder.path / NAME}: the keys of version {key_version} are not those that this vault made; put the"
                " newest key file back"
            )


def cut_lines(folder: Folder, counters: Counters, log: LogFile) -> dict | None:
    """Return the facts of lines that were cut off the log, or None if it is whole.

    Raise ValueError if the log has tokens or receipts that the counters do not know: a line is written after its count.
    """
    known = log_mark(counters)
    tail = log.tail(known)
    if tail is None:
        return {"remembered": known[0], "link": known[1], "found": log.number}
    for entry in tail:
        details = entry.details
        if entry.action == actions.ISSUE:
            newest = max(count_of(one["sequence"]) for one in details["tokens"])
            if newest > counters.count(details["meter"]):
                raise _older_counters(folder)
        if entry.action == actions.SETTLE and details["sequence"] not in counters.settled(details["meter"]):
            raise _older_counters(folder)
    return None


def log_mark(counters: Counters) -> tuple[int, str]:
    """Return number and link of the newest line of the log that the counters remember."""
    return int(counters.fact("log_number") or 0), counters.fact("log_link") or FIRST_LINK


def _older_counters(folder: Folder) -> ValueError:
    return ValueError(
        f"{folder.path / counter_files.NAME}: is an older copy of the counters; put the newest back, or, if it is lost,"
        " begin anew with: wattpurse vault init --counters-lost"
    )
