"""Refuse keys and counters that do not belong together, or of which one is an older copy.

With an older copy, token numbers or key versions would be made twice.
"""

from wattpurse_tools.vault import counters as counter_files
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.key_store import NAME, KeyStore


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
    if store.generation > known + 1:
        raise ValueError(
            f"{folder.path / counter_files.NAME}: is an older copy of the counters; put the newest back, or, if it is"
            " lost, begin anew with: wattpurse vault init --counters-lost"
        )
    for key_version, fingerprint in store.ring.fingerprints().items():
        if counters.versions().get(key_version, fingerprint) != fingerprint:
            raise ValueError(
                f"{folder.path / NAME}: the keys of version {key_version} are not those that this vault made; put the"
                " newest key file back"
            )
