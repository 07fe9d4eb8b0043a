"""SMS by gammu-smsd with its FILES backend (gammu-smsd-files(7)): out and in by files in its folders.

A text goes out as an SMS backup file (gammu-smsbackup(5)), which names coding and parts: gammu-smsd 1.42 loses the
letters of a plain text file that GSM 7-bit lacks. The file's name has the number of the message. It comes into the
outbox whole and once, and is known again in the folders of sent texts and of errors. A text that comes in is answered
through the record, where the answer has a key of its own. It is moved away only then: whenever this is killed, it is
answered once.

gammu-smsd that is killed before it deletes a text from the modem writes it again, under another serial. So a text is
known by its time, its phone and its contents.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wattpurse_tools import private_files
from wattpurse_tools.headend import delivery, outbox, sms_text
from wattpurse_tools.headend.delivery import LATER, Outcome
from wattpurse_tools.headend.outbox import FAILED, SENT
from wattpurse_tools.record.models import Message

SETTLE_S = 2
ANSWERS_AN_HOUR = 20

_FILE_MODE = 0o640
_IN_NAME = re.compile(r"(?P<text>IN(?P<time>\d{8}_\d{6})_\d{2,}_(?P<phone>.*))_(?P<part>\d{2,})\.txt")
_OUT_NAME = re.compile(r"OUT.*_m(\d{1,18})\.smsbackup")
_CODINGS = {sms_text.GSM_7BIT: "Default_No_Compression", sms_text.UCS_2: "Unicode_No_Compression"}
_LINE = 160
_PHONE = re.compile(r"\+?\d{7,15}")
_HOUR_S = 3600


@dataclass(frozen=True)
class Folders:
    """The folders of gammu-smsd, and `taken`, where the texts go that were answered. All are on one file system."""

    outbox: Path
    sent: Path
    errors: Path
    inbox: Path
    taken: Path


class Sms:
    """The transport of SMS. A text is sent when gammu-smsd has its file; `book_errors` books those that it gave up.

    `country_code` is that of the numbers that the record has with a zero in front, or "".
    """

    def __init__(self, folders: Folders, country_code: str = "") -> None:
        self.folders = folders
        self.country_code = country_code
        self._booked: set[str] = set()

    def send(self, message: Message, now_s: int) -> Outcome:
        """Send a message once."""
        phone = dialled(message.address)
        if phone is None:
            return Outcome(FAILED, f"{message.address!r} is no telephone number")
        name = _out_name(message, phone)
        # gammu-smsd moves a file out of the outbox, so that is the folder to look into first.
        for folder in (self.folders.outbox, self.folders.sent, self.folders.errors):
            if (folder / name).exists():
                return Outcome(SENT, "gammu-smsd had it already")
        try:
            _write_once(self.folders.outbox / name, backup_of(message.text, phone, message.pk & 0xFF))
        except FileExistsError:
            return Outcome(SENT, "gammu-smsd had it already")
        except OSError as error:
            return Outcome(LATER, f"{self.folders.outbox}: {error.strerror}", stops_channel=True)
        private_files.sync_folder(self.folders.outbox)
        return Outcome(SENT)

    def book_errors(self, now_s: int) -> int:
        """Book the texts that gammu-smsd could not send, tell the managers, and return their number.

        A file is looked up in the record until its text is booked, and then no more.
        """
        paths = sorted(self.folders.errors.glob("OUT*"))
        found = {path.name: int(name[1]) for path in paths if (name := _OUT_NAME.fullmatch(path.name))}
        self._booked &= found.keys()
        new = {name: number for name, number in found.items() if name not in self._booked}
        being_sent = _being_sent(list(new.values()))
        failed = sum(delivery.fail(number, "gammu-smsd could not send it", now_s) for number in new.values())
        self._booked |= {name for name, number in new.items() if number not in being_sent}
        return failed


def take_texts(folders: Folders, answer: Callable[[str, str, str], str], now_s: int) -> int:
    """Answer the texts that came in, move them away, and return their number.

    `answer(phone, text, number)` returns the same answer for the same number, and "" for none. A text whose answer
    raises stays, and does not stop the others; the first error is raised at the end.
    """
    taken, first_error = 0, None
    for files in _settled(folders.inbox, now_s):
        try:
            _take(files, folders.taken, answer, now_s)
            taken += 1
        except Exception as error:  # it is raised below
            first_error = first_error or error
    if first_error is not None:
        raise first_error
    return taken


def dialled(phone: str) -> str | None:
    """Return a telephone number as gammu dials it, or None if it is none."""
    plain = re.sub(r"[ ()/-]", "", phone.replace("(0)", "") if phone.startswith("+") else phone)
    return plain if _PHONE.fullmatch(plain) else None


def _take(files: list[Path], taken: Path, answer: Callable[[str, str, str], str], now_s: int) -> None:
    found = _IN_NAME.fullmatch(files[0].name)
    assert found is not None
    contents = [file.read_bytes() for file in files]
    phone = found["phone"]
    sent = f"{found['time']}_{phone}"
    digest = hashlib.sha256(sent.encode() + b"\0".join(contents)).hexdigest()
    # The first part goes first. Without it, the text was answered before this process was killed.
    if int(found["part"]) == 0 and _PHONE.fullmatch(phone) and not _is_flood(phone, now_s):
        said = answer(phone, "".join(map(_decoded, contents)).replace("\0", "").strip(), f"{sent}:{digest[:16]}")
        if said:
            outbox.put_answer(phone, f"sms:{digest[:40]}", said, now_s)
    for file in files:
        os.rename(file, taken / f"{file.stem}.{digest[:16]}{file.suffix}")


def _being_sent(numbers: list[int]) -> set[int]:
    """Return those messages whose sending is not booked yet: another process may book it after gammu-smsd's error."""
    if not numbers:
        return set()
    rows = Message.objects.filter(pk__in=numbers, state__in=(outbox.WAITING, outbox.SENDING))
    return set(rows.values_list("pk", flat=True))


def _is_flood(phone: str, now_s: int) -> bool:
    """Return True if a phone got so many answers that it may be a program that answers ours."""
    rows = Message.objects.filter(kind=outbox.ANSWER, address=phone, created_s__gt=now_s - _HOUR_S)
    return rows.count() >= ANSWERS_AN_HOUR


def _settled(inbox: Path, now_s: int) -> list[list[Path]]:
    """Return the files of each text, in their order, of those that gammu-smsd has written for good."""
    texts: dict[str, list[Path]] = {}
    for path in sorted(inbox.glob("IN*.txt")):
        found = _IN_NAME.fullmatch(path.name)
        if found:
            texts.setdefault(found["text"], []).append(path)
    return [files for files in texts.values() if all(file.stat().st_mtime <= now_s - SETTLE_S for file in files)]


def _decoded(content: bytes) -> str:
    """Return the text of a file: UTF-16 with its mark, else UTF-8."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    return content.decode(errors="replace")


def _out_name(message: Message, phone: str) -> str:
    made = datetime.fromtimestamp(message.created_s, UTC).strftime("%Y%m%d_%H%M%S")
    return f"OUTC{made}_00_{phone}_m{message.pk}.smsbackup"


def backup_of(text: str, phone: str, reference: int) -> str:
    """Return a text as an SMS backup file, with a section for each part. `reference` joins the parts."""
    coding, cut = sms_text.split(text)
    sections = []
    for place, part in enumerate(cut, 1):
        coded = part.encode("utf-16-be").hex().upper()
        lines = [f"[SMSBackup{place - 1:03}]", "PDU = Submit", "State = UnSent", f'Number = "{phone}"']
        if len(cut) > 1:
            lines.append(f"UDH = 050003{reference:02X}{len(cut):02X}{place:02X}")
        lines += [f"Text{n:02} = {coded[at : at + _LINE]}" for n, at in enumerate(range(0, len(coded), _LINE))]
        lines += [f"Coding = {_CODINGS[coding]}", "Folder = 1", f"Length = {len(coded) // 4}", "Class = -1"]
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


def _write_once(path: Path, content: str) -> None:
    """Write a file under a name that nothing has. gammu-smsd never sees a part of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "wb") as file:
            os.fchmod(file.fileno(), _FILE_MODE)  # gammu-smsd runs as another user of the group
            file.write(content.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
