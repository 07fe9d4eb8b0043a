"""Refuse keys and counters that do not belong together, or of which one is an older copy.

With an older copy, token numbers or key versions would be made twice.
"""

from itertools import islice

from wattpurse_tools.vault import counters as counter_files
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.key_store import NAME, KeyStore
from wattpurse_tools.vault.log_facts import LogFacts, facts_of
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


def facts_of_log(folder: Folder, counters: Counters, log: LogFile) -> LogFacts:
    """Return the facts that the log proves. Raise ValueError if it was changed, or if the counters do not know all."""
    facts = facts_of(log.checked())
    if not facts.are_known_to(counters):
        raise _older_counters(folder)
    return facts


def cut_lines(counters: Counters, log: LogFile) -> dict | None:
    """Return the facts of lines that were cut off the log, or None if it has the line that the counters remember."""
    number, link = log_mark(counters)
    if number == 0 or link_at(log, number) == link:
        return None
    return {"remembered": number, "link": link, "found": log.number}


def link_at(log: LogFile, number: int) -> str | None:
    """Return the link of a line, or None if there is no such line."""
    return next((entry.link for entry in islice(log.all(), number - 1, number)), None)


def log_mark(counters: Counters) -> tuple[int, str]:
    """Return number and link of the newest line of the log that the counters remember."""
    return int(counters.fact("log_number") or 0), counters.fact("log_link") or FIRST_LINK


def _older_counters(folder: Folder) -> ValueError:
    return ValueError(
        f"{folder.path / counter_files.NAME}: is an older copy of the counters; put the newest back, or, if it is lost,"
        " begin anew with: wattpurse vault init --counters-lost"
    )
