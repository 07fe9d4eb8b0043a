"""The highest token number ever used for each meter, in a JSON file beside the key file: KEYFILE.sequences.

If the station's record is restored from a backup, the record is behind the sales, and this file is not. It is on the
disk before a token of that number is sealed. Keep it with the keys, and leave it out of the record's backups.
"""

import fcntl
import json
import os
from pathlib import Path


class SequenceMarks:
    """The marks of one key file. A meter without a mark counts as 0."""

    def __init__(self, key_file: str | Path) -> None:
        key_file = Path(key_file).resolve()
        self._path = key_file.with_name(key_file.name + ".sequences")

    def of(self, meter_number: int) -> int:
        """Return the highest number used for a meter. Raise ValueError if the file is broken."""
        return self._load().get(str(meter_number), 0)

    def claim(self, meter_number: int, sequence: int) -> bool:
        """Mark a number as used, on the disk. Return False if it or a higher one was used before."""
        with open(f"{self._path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            marks = self._load()
            if sequence <= marks.get(str(meter_number), 0):
                return False
            marks[str(meter_number)] = sequence
            self._save(marks)
        return True

    def _load(self) -> dict[str, int]:
        try:
            marks = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            marks = None
        if not isinstance(marks, dict) or not all(type(mark) is int for mark in marks.values()):
            raise ValueError(
                f"{self._path}: the token numbers used with these keys cannot be read; restore a whole copy, or remove"
                " the file if the station's record is certain to be the newest"
            )
        return marks

    def _save(self, marks: dict[str, int]) -> None:
        temporary = self._path.with_name(self._path.name + ".part")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(marks) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
