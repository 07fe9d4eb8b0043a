"""SMS through a real gammu-smsd with its dummy phone, out and in, and texts that are answered once."""

import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.house.places import ROOT
from wattpurse_tools.headend import delivery, outbox, sms_gammu, sms_text
from wattpurse_tools.headend.outbox import FAILED, SENT
from wattpurse_tools.headend.sms_gammu import Folders, Sms
from wattpurse_tools.office.manager_messages import FOR_MANAGERS
from wattpurse_tools.record.models import Message

NOON_S = 1_795_867_200
PHONE = "+491701234567"
WAIT_S = 60


@pytest.fixture(scope="session")
def smsd_program():
    subprocess.run([ROOT / "tools/toolchain/debian-packages", "gammu-smsd=gammu-smsd"], check=True)
    return "gammu-smsd"


@pytest.fixture
def folders(tmp_path):
    made = Folders(*(tmp_path / name for name in ("outbox", "sent", "errors", "inbox", "taken")))
    for folder in vars(made).values():
        folder.mkdir()
    return made


@pytest.fixture
def smsd(smsd_program, folders, tmp_path):
    """Return the folder of the dummy phone of a running gammu-smsd."""
    phone = tmp_path / "phone"
    for number in range(1, 6):
        (phone / "sms" / str(number)).mkdir(parents=True)
    (tmp_path / "smsdrc").write_text(
        f"[gammu]\ndevice = {phone}\nconnection = none\nmodel = dummy\n"
        f"[smsd]\nservice = files\nlogfile = {tmp_path / 'log'}\nLoopSleep = 1\nCheckSecurity = 0\n"
        f"CommTimeout = 1\nReceiveFrequency = 1\ninboxformat = unicode\n"
        f"inboxpath = {folders.inbox}/\noutboxpath = {folders.outbox}/\n"
        f"sentsmspath = {folders.sent}/\nerrorsmspath = {folders.errors}/\n"
    )
    process = subprocess.Popen(
        [smsd_program, "-c", tmp_path / "smsdrc"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield SimpleNamespace(phone=phone, log=tmp_path / "log")
    process.terminate()
    process.wait(timeout=30)


def until(condition):
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "gammu-smsd did nothing in time"
        time.sleep(0.2)


def text_out(number, text, address=PHONE):
    return Message(pk=number, key=f"k{number}", channel="sms", address=address, text=text, created_s=NOON_S)


LONG = "a" * 153 + "€" * 77  # an escape never ends a part
TEXTS = ("Credit 5 € [low]", "a" * 160, "a" * 161, LONG, "الرصيد " * 10, "الرصيد " * 11, "ع" * 134 + "ع", "")


def test_a_text_is_sent_once_in_as_many_parts_as_counted(smsd, folders):
    sender = Sms(folders)
    for number, text in enumerate(TEXTS[:-1]):
        assert sender.send(text_out(number, text), NOON_S).state == SENT
    until(lambda: len(list(folders.sent.iterdir())) == len(TEXTS) - 1)
    for number, text in enumerate(TEXTS[:-1]):
        assert sender.send(text_out(number, text), NOON_S).trouble == "gammu-smsd had it already"
    assert list(folders.outbox.iterdir()) == []
    log = smsd.log.read_text(errors="replace")
    for number, text in enumerate(TEXTS[:-1]):
        assert f"_m{number}.smsbackup (total: {sms_text.parts(text)[1]}) to {PHONE}" in log


def test_a_text_that_comes_in_is_answered_and_the_answer_is_sent(smsd, folders, office_folder):
    coded = "BAL é".encode("utf-16-be").hex().upper()
    (smsd.phone / "sms/1/1").write_text(
        f'[SMSBackup000]\nSMSC = "+490000"\nState = UnRead\nNumber = "{PHONE}"\nDateTime = 20261128T120000\n'
        f"Coding = Default_No_Compression\nFolder = 1\nLength = 5\nText00 = {coded}\n"
    )
    until(lambda: list(folders.inbox.glob("IN*")))
    asked = []

    def answer(phone, text, number):
        asked.append((phone, text))
        return "Credit 5.00 EUR"

    later_s = int(time.time()) + 5
    assert sms_gammu.take_texts(folders, answer, later_s) == 1
    assert asked == [(PHONE, "BAL é")]
    delivery.run_round(later_s, {outbox.SMS: Sms(folders)})
    until(lambda: list(folders.sent.iterdir()))
    (sent,) = folders.sent.iterdir()
    assert "Credit 5.00 EUR".encode("utf-16-be").hex().upper() in sent.read_text()
    assert f"_{PHONE}_" in sent.name


def come_in(folders, text, name=f"IN20261128_120000_00_{PHONE}_00.txt"):
    path = folders.inbox / name
    path.write_bytes(text.encode("utf-16"))
    os.utime(path, (NOON_S - 60, NOON_S - 60))


@pytest.mark.parametrize("step", ["answer", "put", "move"])
def test_a_text_is_answered_once_whenever_the_program_ends(folders, office_folder, monkeypatch, step):
    come_in(folders, "BAL")
    come_in(folders, "TOK", f"IN20261128_120000_00_{PHONE}_01.txt")
    told = {}

    def answer(phone, text, number):
        assert text == "BALTOK"
        return told.setdefault(number, f"answer {len(told)}")

    with monkeypatch.context() as patch:
        if step == "answer":
            with pytest.raises(KeyError):
                sms_gammu.take_texts(folders, lambda *words: [answer(*words), {}["killed"]], NOON_S)
        elif step == "put":
            put = outbox.put_answer
            patch.setattr(outbox, "put_answer", lambda *words: [put(*words), {}["killed"]])
            with pytest.raises(KeyError):
                sms_gammu.take_texts(folders, answer, NOON_S)
        else:
            rename = os.rename
            patch.setattr(os, "rename", lambda *words: [rename(*words), {}["killed"]])
            with pytest.raises(KeyError):
                sms_gammu.take_texts(folders, answer, NOON_S)
            assert len(list(folders.inbox.iterdir())) == 1
    sms_gammu.take_texts(folders, answer, NOON_S + 60)
    assert sms_gammu.take_texts(folders, answer, NOON_S + 120) == 0
    assert [message.text for message in Message.objects.all()] == ["answer 0"]
    assert len(told) == 1
    assert (len(list(folders.inbox.iterdir())), len(list(folders.taken.iterdir()))) == (0, 2)


def test_a_text_whose_answer_fails_does_not_stop_the_others(folders, office_folder):
    come_in(folders, "bad")
    come_in(folders, "good", f"IN20261128_120001_00_{PHONE}_00.txt")

    def answer(phone, text, number):
        if text == "bad":
            raise ValueError("bad")
        return "said"

    with pytest.raises(ValueError, match="bad"):
        sms_gammu.take_texts(folders, answer, NOON_S)
    assert Message.objects.count() == 1
    assert len(list(folders.inbox.iterdir())) == 1


def test_a_text_that_gammu_stores_twice_is_answered_once(folders, office_folder):
    numbers = []
    for name in ("20261128_120000_00", "20261128_120000_01"):
        come_in(folders, "TOK 1 5", f"IN{name}_{PHONE}_00.txt")
        come_in(folders, "0", f"IN{name}_{PHONE}_01.txt")
    assert sms_gammu.take_texts(folders, lambda *words: numbers.append(words) or "said", NOON_S) == 2
    come_in(folders, "TOK 1 5", f"IN20261128_120000_02_{PHONE}_00.txt")
    come_in(folders, "0", f"IN20261128_120000_02_{PHONE}_01.txt")
    sms_gammu.take_texts(folders, lambda *words: numbers.append(words) or "said", NOON_S)
    assert (len(numbers), len(set(numbers)), Message.objects.count()) == (3, 1, 1)
    assert len(list(folders.taken.iterdir())) == 6
    for name in (f"20261128_120001_00_{PHONE}", "20261128_120000_00_+4917099999"):
        come_in(folders, "TOK 1 50", f"IN{name}_00.txt")
    come_in(folders, "TOK 1 6", f"IN20261128_120000_03_{PHONE}_00.txt")
    sms_gammu.take_texts(folders, lambda *words: numbers.append(words) or "said", NOON_S)
    assert (len(set(numbers)), Message.objects.count()) == (4, 4)


def test_a_program_that_answers_ours_does_not_get_answers_for_ever(folders, office_folder):
    for number in range(sms_gammu.ANSWERS_AN_HOUR + 5):
        come_in(folders, f"text {number}", f"IN20261128_1200{number:02}_00_{PHONE}_00.txt")
    sms_gammu.take_texts(folders, lambda *_: "said", NOON_S)
    assert Message.objects.count() == sms_gammu.ANSWERS_AN_HOUR
    come_in(folders, "advertising", "IN20261128_120000_00_MyBank_00.txt")
    sms_gammu.take_texts(folders, lambda *_: "said", NOON_S + 7200)
    assert Message.objects.count() == sms_gammu.ANSWERS_AN_HOUR


def test_a_text_that_gammu_gave_up_has_failed(folders, office_folder):
    message = Message.objects.create(key="k", channel="sms", address=PHONE, text="t", created_s=NOON_S, state=SENT)
    (folders.errors / f"OUTC20261128_120000_00_{PHONE}_m{message.pk}.smsbackup").write_text("t")
    assert [Sms(folders).book_errors(NOON_S) for _ in range(2)] == [1, 0]
    message.refresh_from_db()
    assert message.state == FAILED
    assert Message.objects.filter(channel=FOR_MANAGERS).count() == 1


def test_an_error_that_is_booked_costs_no_question(folders, office_folder):
    sender = Sms(folders)
    for number in range(3):
        one = Message.objects.create(
            key=f"k{number}", channel="sms", address=PHONE, text="t", created_s=NOON_S, state=SENT
        )
        (folders.errors / f"OUTC20261128_120000_00_{PHONE}_m{one.pk}.smsbackup").write_text("t")
    (folders.errors / f"OUTC20261128_120000_00_{PHONE}_m{9 * 10**17}.smsbackup").write_text("of another office")
    assert sender.book_errors(NOON_S) == 3
    with CaptureQueriesContext(connection) as queries:
        assert sender.book_errors(NOON_S) == 0
    assert list(queries) == []


def test_an_error_before_another_process_has_booked_the_sending_is_not_lost(folders, office_folder):
    message = Message.objects.create(
        key="k", channel="sms", address=PHONE, text="t", created_s=NOON_S, state=outbox.SENDING
    )
    (folders.errors / f"OUTC20261128_120000_00_{PHONE}_m{message.pk}.smsbackup").write_text("t")
    sender = Sms(folders)
    assert sender.book_errors(NOON_S) == 0
    Message.objects.update(state=SENT)
    assert sender.book_errors(NOON_S) == 1


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        ("+49 (0)170 123-4567", PHONE),
        ("0170 1234567", "01701234567"),
        ("../../etc", None),
        ("+49_1;rm", None),
        ("", None),
    ],
)
def test_a_number_is_dialled_without_its_signs(folders, phone, number):
    assert sms_gammu.dialled(phone) == number
    if number is None:
        assert Sms(folders).send(text_out(1, "t", phone), NOON_S).state == FAILED
    assert Path(folders.outbox).exists()


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", (sms_text.GSM_7BIT, 1)),
        ("€" * 80, (sms_text.GSM_7BIT, 1)),
        ("€" * 81, (sms_text.GSM_7BIT, 2)),
        ("a" * 306, (sms_text.GSM_7BIT, 2)),
        ("a" * 307, (sms_text.GSM_7BIT, 3)),
        ("ع" * 70, (sms_text.UCS_2, 1)),
        ("ع" * 71, (sms_text.UCS_2, 2)),
        ("😀" * 35, (sms_text.UCS_2, 1)),
        ("😀" * 67, (sms_text.UCS_2, 3)),  # 33 whole pairs in a part of 67 units
    ],
)
def test_parts_are_counted(text, counted):
    assert sms_text.parts(text) == counted


def test_a_latin_text_loses_the_accents_that_make_it_long():
    assert sms_text.shortened("días\u00a0ça l’été à 5\u00a0€ Ñ") == "dias ca l'été à 5 € Ñ"
    assert sms_text.shortened("رصيد\u00a0é") == "رصيد é"
