"""headend.toml sets the channels up, and a wrong setting is refused with its name; the command uses it."""

import base64
import ssl

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.tools.headend.mail_server import MailServerOfTests, free_port
from tests.tools.headend.test_web_hook import make_certificate
from wattpurse_tools import cli, private_files
from wattpurse_tools.headend import outbox, rounds, settings_file
from wattpurse_tools.headend.outbox import LOW_CREDIT, SENT
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.record.models import (
    Customer,
    HeadendPolicy,
    Message,
    Meter,
    Premises,
    TemporarySupply,
    Tenancy,
)

MAIL = '[mail]\nhost = "localhost"\nsender = "Shop <shop@example.org>"\n'
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
    for name in ("outbox", "sent", "errors", "inbox", "taken"):
        (office_folder.path / name).mkdir()
    folders = "\n".join(f'{name} = "{name}"' for name in ("outbox", "sent", "errors", "inbox", "taken"))
    write(office_folder, f'{MAIL}[sms]\n{folders}\n[hook]\nsecret_file = "hook"\n', hook=SECRET)
    assert list(settings_file.transports(settings_file.read(office_folder))) == ["mail", "sms", "hook"]


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
    Message.objects.update(tries=0)
    assert cli.main(["headend", "sender", "--office", str(office_folder.path), "--once"]) == 0
    assert Message.objects.get().state == outbox.WITHDRAWN


def settings_now_s():
    import time

    return int(time.time())


def private_files_replace(path, text):
    path.unlink()
    private_files.create(path, text.encode())
