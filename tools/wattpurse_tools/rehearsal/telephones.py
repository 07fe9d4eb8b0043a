"""The customers' telephones and gammu-smsd of a rehearsal: files in the folders of its FILES backend."""

import re
from pathlib import Path

_FOLDERS = ("outbox", "sent", "errors", "inbox", "taken")
_OUT = re.compile(r"OUT.*_(\+?\d+)_m(\d+)\.smsbackup")
_TEXT = re.compile(r"^Text\d+ = ([0-9A-F]*)$", re.M)
_DIGITS = re.compile(r"(?<!\d)(?:\d[ -]?){19}\d(?!\d)")


class Telephones:
    """The telephones of all customers. `texts` are `(phone, text)` of those that came; `twice` came twice."""

    def __init__(self, folder: Path) -> None:
        self.texts: list[tuple[str, str]] = []
        self.twice: list[str] = []
        self._folders = {name: folder / name for name in _FOLDERS}
        self._seen: set[str] = set()
        self._sent = 0
        for path in (folder, *self._folders.values()):
            path.mkdir(exist_ok=True)

    def settings(self) -> list[str]:
        """Return the lines of an office's settings for its texts."""
        return [f'{name} = "{path}"' for name, path in self._folders.items()]

    def write(self, phone: str, text: str) -> None:
        """Write to the office."""
        self._sent += 1
        name = f"IN20260101_000000_{self._sent:02}_{phone}_00.txt"
        draft = self._folders["inbox"] / f".{name}"
        draft.write_text(text)
        draft.rename(self._folders["inbox"] / name)

    def collect(self) -> None:
        """Take the texts of the outbox, as gammu-smsd does."""
        for path in sorted(self._folders["outbox"].glob("OUT*")):
            found = _OUT.fullmatch(path.name)
            if found is None:
                continue
            if found[2] in self._seen:
                self.twice.append(found[2])
            self._seen.add(found[2])
            text = bytes.fromhex("".join(_TEXT.findall(path.read_text()))).decode("utf-16-be")
            self.texts.append((found[1], text))
            path.rename(self._folders["sent"] / path.name)

    def digits_for(self, phone: str) -> str | None:
        """Return the twenty digits in the newest text to a phone that has some, or None."""
        for to, text in reversed(self.texts):
            found = _DIGITS.search(text)
            if to == phone and found is not None:
                return re.sub(r"\D", "", found[0])
        return None
