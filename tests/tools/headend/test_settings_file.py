"""headend.toml sets the channels up, and a wrong setting is refused with its name; the command uses it."""

import base64
import os
import ssl
from types import SimpleNamespace

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.tools.headend.mail_server import MailServerOfTests, free_port
from tests.tools.headend.test_web_hook import make_certificate
from tests.tools.office.selling_site import build_site
from wattpurse_tools import cli, private_files
from wattpurse_tools.commands import headend_sender
from wattpurse_tools.headend import outbox, rounds, settings_file
from wattpurse_tools.headend.delivery import Outcome
from wattpurse_tools.headend.outbox import LOW_CREDIT, SENT
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.record.models import (
    Customer,
    HeadendPolicy,
    IncomingText,
    Message,
    Meter,
    Premises,
    TemporarySupply,
    Tenancy,
)

MAIL = '[mail]\nhost = "localhost"\nsender = "Shop <shop@example.org>"\n'
FOLDERS = ("outbox", "sent", "errors", "inbox", "taken")
SMS = "[sms]\n" + "".join(f'{name} = "{name}"\n' for name in FOLDERS) + "country_code = {}\n"
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def write(folder, text, **secrets):
    for name, secret in secrets.items():
        private_files.create(folder.path / name, secret.encode())
    private_files.create(folder.path / "headend.toml", text.encode())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mail = 1", "mail: is no section"),
        ("[mial]", "mial: is unknown; the sections are mail, sms, hook"),
        ("[mail", "is no TOML"),
        ("[mail]\nport = 25", "[mail] host: is missing"),
        (MAIL + "prot = 25", "[mail] prot: is no setting"),
        (MAIL + "port = 0", "[mail] port: write a whole number from 1 to 65535"),
        (MAIL + "port = true", "[mail] port: write a whole number"),
        (MAIL + 'security = "ssl"', "[mail] security: is 'ssl'; write one of starttls, tls, none"),
        (MAIL + 'user = "u"', "[mail] user: write both user and password_file"),
        (MAIL + 'password_file = "no"', "[mail] password_file: "),
        (MAIL + 'user = "u"\npassword_file = "pw"\nsecurity = "none"', "[mail] security: a password is never sent"),
        (MAIL + 'ca_file = "no.pem"', "[mail] ca_file: "),
        ('[mail]\nhost = "h"\nsender = "shop"', "[mail] sender: write an address"),
        ('[sms]\noutbox = "no"', "[sms] outbox: "),
        ('[hook]\nsecret_file = "pw"', "[hook] secret_file: write whsec_"),
        ('[hook]\nsecret_file = "hook"\npermitted_networks = ["10.0.0.1/8"]', "[hook] permitted_networks: "),
        ('[hook]\nsecret_file = "hook"\npermitted_networks = "all"', "[hook] permitted_networks: write a list"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(office_folder, text, told):
    write(office_folder, text, pw="word", hook=SECRET)
    with pytest.raises(ValueError) as refusal:
        settings_file.read(office_folder)
    assert told in str(refusal.value)


def test_each_section_sets_up_its_channel(office_folder):
    make_folders(office_folder)
    write(office_folder, MAIL + SMS.format('"254"') + '[hook]\nsecret_file = "hook"\n', hook=SECRET)
    settings = settings_file.read(office_folder)
    assert list(settings_file.transports(settings)) == ["mail", "sms", "hook"]
    assert settings.sms.country_code == "254"


@pytest.mark.parametrize("code", ['"+254"', '"0254"', '"2547"', '"25 4"', '"٢٥٤"', "254"])
def test_a_country_code_has_one_to_three_digits(office_folder, code):
    write(office_folder, SMS.format(code))
    make_folders(office_folder)
    with pytest.raises(ValueError, match=r"\[sms\] country_code"):
        settings_file.read(office_folder)


def test_no_file_sets_no_channel_up(office_folder, capsys):
    assert settings_file.transports(settings_file.read(office_folder)) == {}
    assert cli.main(["headend", "sender", "--office", str(office_folder.path), "--once"]) == 1
    assert "sets no channel up" in capsys.readouterr().err


def test_the_command_sends_by_tls_with_a_password(office_folder, tmp_path, capsys):
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def log_in(_server, _session, _envelope, _mechanism, data):
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"word")

    policy()
    HeadendPolicy.objects.update(quiet_from_minute=0, quiet_until_minute=0)
    customer = Customer.objects.create(number=1, name="Ada", email="ada@example.org", created_s=0)
    with MailServerOfTests(context, log_in) as server:
        text = f'{MAIL}port = {server.port}\nuser = "shop"\npassword_file = "pw"\nca_file = "{certificate[0]}"\n'
        write(office_folder, text, pw="word")
        office = ["headend", "sender", "--office", str(office_folder.path)]
        assert cli.main([*office, "--test", "boss@example.org"]) == 0
        outbox.put(customer, LOW_CREDIT, "low:1", {"meter": 1}, settings_now_s())
        assert cli.main([*office, "--once"]) == 0
        assert [mail["To"] for mail in server.mails] == ["boss@example.org", "ada@example.org"]
        assert Message.objects.get().state == SENT
        assert rounds.SENDER in rounds.last()
        private_files_replace(office_folder.path / "pw", "wrong")
        assert cli.main([*office, "--test", "boss@example.org"]) == 1
    assert "the mail was not sent: later" in capsys.readouterr().err


def test_the_command_looks_for_supply_that_ends(office_folder):
    customer = Customer.objects.create(number=1, name="Ada", email="ada@example.org", created_s=0)
    meter = Meter.objects.create(number=3, currency="EUR", decimals=2, contract="managed")
    place = Premises.objects.create(name="Site")
    tenancy = Tenancy.objects.create(premises=place, customer=customer, meter_number=3, from_s=0)
    TemporarySupply.objects.create(
        tenancy=tenancy, meter=meter, from_s=0, until_s=settings_now_s() + 86_400, state="running", planned_by=1
    )
    write(office_folder, f'{MAIL}port = {free_port()}\nsecurity = "none"\n')
    assert cli.main(["headend", "sender", "--office", str(office_folder.path), "--once"]) == 0
    assert Message.objects.get().kind == outbox.EXPIRY
    TemporarySupply.objects.update(state="ended")
    assert cli.main(["headend", "sender", "--office", str(office_folder.path), "--once"]) == 0
    assert Message.objects.get().state == outbox.WITHDRAWN


def make_folders(folder):
    for name in FOLDERS:
        (folder.path / name).mkdir()


def test_a_text_is_taken_at_its_own_time_and_not_at_that_of_the_round(office, manager, monkeypatch):
    make_folders(office.folder)
    write(office.folder, MAIL + SMS.format('"254"'))
    settings = settings_file.read(office.folder)
    clock = [1_795_867_200]
    text = settings.sms.folders.inbox / "IN20261128_120000_00_+254712345678_00.txt"
    text.write_text("BAL")
    os.utime(text, (clock[0] - 60,) * 2)
    build_site()
    Customer.objects.filter(number=101).update(phone="0712345678", email="ada@example.org")
    outbox.put(Customer.objects.get(number=101), LOW_CREDIT, "low:1", {"meter": 1}, clock[0])

    def slow(_message, _now_s):
        clock[0] += 50
        return Outcome(SENT)

    monkeypatch.setattr(headend_sender, "_now_s", lambda: clock[0])
    monkeypatch.setattr(settings.mail, "send", slow)
    sender = headend_sender._Sender(office, settings)
    monkeypatch.setattr(sender, "_operator", SimpleNamespace(actor=lambda: manager))
    sender.step()
    assert "Meter 1" in IncomingText.objects.get().answer
    assert IncomingText.objects.get().received_s == clock[0] == 1_795_867_250
    assert rounds.last()[rounds.SENDER] == clock[0]


def settings_now_s():
    import time

    return int(time.time())


def private_files_replace(path, text):
    path.unlink()
    private_files.create(path, text.encode())
