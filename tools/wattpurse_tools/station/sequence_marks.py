"""The highest token number ever used with a key file, for each meter: a JSON file beside it, KEYFILE.sequences.

The station's record may be put back from a backup, and then knows less than was sold. This file does not go back with
it, and is on the disk before a token of that number is sealed. Keep it with the keys and out of the record's backups.
"""

import fcntl
import json
import os
from pathlib import Path


class SequenceMarks:
    """The marks of one key file; no mark yet counts as 0."""

    def __init__(self, key_file: str | Path) -> None:
        key_file = Path(key_file).resolve()
        self._path = key_file.with_name(key_file.name + ".sequences")

    def of(self, meter_number: int) -> int:
        """The highest number used for a meter. Raises ValueError if the file is broken."""
        return self._load().get(str(meter_number), 0)

    def claim(self, meter_number: int, sequence: int) -> bool:
        """Note a number as used, on the disk when this returns; False if it, or a higher one, was used before."""
        with open(f"{self._path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            marks = self._load()
            if sequence <= marks.get(str(meter_number), 0):
                return False
            marks[str(meter_number)] = sequence
            self._save(marks)
        return True

    def _load(self):
        try:
            marks = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            marks = None
        if not isinstance(marks, dict) or not all(type(mark) is int for mark in marks.values()):
            raise ValueError(
                f"{self._path}: the token numbers used with these keys cannot be read; put back a whole copy, or remove"
                " the file if the station's record is certain to be the newest"
            )
        return marks

    def _save(self, marks) -> None:
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
