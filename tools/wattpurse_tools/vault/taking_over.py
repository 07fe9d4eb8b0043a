"""Facts of a former record that a new vault has to know: settled receipts, and the credit on key cards."""

from collections.abc import Mapping
from pathlib import Path

from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.key_cards import KnownCard
from wattpurse_tools.vault.log_file import LogFile


def note_former(
    path: str | Path, settled: Mapping[tuple[int, int], str], key_cards: Mapping[bytes, KnownCard], now_s: int
) -> None:
    """Note the words of each settled receipt by (meter, token number), and each key card by UID, in a closed vault."""
    folder = Folder(path)
    try:
        counters = Counters(folder)
        try:
            with counters.transaction():
                for (meter_number, sequence), words in settled.items():
                    counters.settle(meter_number, sequence, words)
                for uid, known in key_cards.items():
                    counters.note_key_card(uid, known)
            meters = len(counters.counts())
        finally:
            counters.close()
        log = LogFile(folder)
        try:
            told = {"meters": meters, "settled": len(settled), "key_cards": len(key_cards)}
            log.append(now_s, None, "taken over", told)
        finally:
            log.close()
    finally:
        folder.close()
