"""`wattpurse headend provider`: settings are checked when they are given, and secrets stay."""

import json

import pytest

from wattpurse_tools import cli
from wattpurse_tools.headend.providers import mpesa, provider_settings
from wattpurse_tools.headend.providers.notices import Forged
from wattpurse_tools.headend.providers.provider_file import Provider, providers, put_provider

COLUMNS = {"amount": "Betrag", "date": "Tag", "text": ["Zweck", "Ref"]}
BANK = {
    "columns": COLUMNS | {"number": "Nr", "payer": "Name", "currency": "W"},
    "delimiter": "\t",
    "decimal": ".",
    "group": "",
    "date_format": "%Y-%m-%d",
    "encoding": "cp1252",
    "currency": "EUR",
    "payouts": {"stripe": "STRIPE PAYOUT"},
}
MPESA = {"short_code": 600638, "addresses": ["192.0.2.1", "2001:db8::/32"], "currency": "KES", "time_zone": "UTC"}


@pytest.mark.parametrize(
    ("check", "settings"),
    [
        (provider_settings.check_bank, {}),
        (provider_settings.check_bank, BANK),
        (provider_settings.check_mpesa, MPESA),
        (provider_settings.check_mpesa, {"any_address": True}),
        (provider_settings.check_stripe, {"api": "https://api.stripe.com"}),
    ],
)
def test_right_settings_are_taken(check, settings):
    check(settings)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("colums", {}, "colums is no setting of this kind of provider; there are columns, delimiter"),
        ("columns", [], "write a table"),
        ("columns", {"amount": "Betrag", "date": "Tag"}, "write a table"),
        ("columns", COLUMNS | {"txt": "Zweck"}, "write a table"),
        ("columns", COLUMNS | {"amount": 1}, "write a table"),
        ("columns", COLUMNS | {"text": []}, "write a table"),
        ("columns", COLUMNS | {"date": ["Tag"]}, "write a table"),
        ("delimiter", ";;", "one character"),
        ("delimiter", "\n", "one character"),
        ("decimal", 1, "one character"),
        ("decimal", "1", "between units and hundredths"),
        ("group", "..", "one character"),
        ("group", ",", "another character than that of"),
        ("date_format", "%d.%m.", "whole date"),
        ("date_format", "tt.mm.jjjj", "whole date"),
        ("date_format", 1, "a text in quotes"),
        ("encoding", "latin 99", "that Python knows"),
        ("encoding", "rot13", "that Python knows"),
        ("currency", "euro", "three capital letters"),
        ("payouts", ["stripe"], "write a table of providers"),
        ("payouts", {"stripe": " "}, "write a table of providers"),
    ],
)
def test_a_wrong_setting_of_a_bank_is_named_with_the_remedy(name, value, words):
    with pytest.raises(ValueError, match=words) as refused:
        provider_settings.check_bank({name: value})
    assert name in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"adresses": ["192.0.2.1"]}, "adresses is no setting"),
        ({"addresses": "192.0.2.1"}, "addresses is wrong; write a list"),
        ({"addresses": []}, "addresses is wrong; write a list"),
        ({"addresses": ["192.0.2.1/24"]}, "host bits"),
        ({"addresses": ["safaricom"]}, "addresses is wrong"),
        ({"any_address": True}, "name the provider's addresses"),
        ({"any_address": "yes"}, "true or false"),
        ({"short_code": "six"}, "digits of the business"),
        ({"short_code": True}, "digits of the business"),
        ({"currency": "kes"}, "three capital letters"),
        ({"time_zone": "Nairobi"}, "time zone such as Africa/Nairobi"),
        ({"time_zone": "../x"}, "time zone such as Africa/Nairobi"),
    ],
)
def test_a_wrong_setting_of_mpesa_is_named_with_the_remedy(change, words):
    with pytest.raises(ValueError, match=words):
        provider_settings.check_mpesa(MPESA | change)


@pytest.mark.parametrize("settings", [{}, {"short_code": "600638"}, {"any_address": False}])
def test_mpesa_without_addresses_is_refused(settings):
    with pytest.raises(ValueError, match="any_address"):
        provider_settings.check_mpesa(settings)


@pytest.mark.parametrize("settings", [{"api": "stripe"}, {"api": 1}, {"currency": "EUR"}, [], "x"])
def test_wrong_settings_of_stripe_are_refused(settings):
    with pytest.raises(ValueError, match="api|table in JSON|currency"):
        provider_settings.check_stripe(settings)


def is_let_in(settings, address):
    try:
        mpesa.verify(Provider("mpesa", "mpesa", ("secret",), settings=settings), "secret", address)
    except Forged:
        return False
    return True


def test_addresses_may_be_networks_and_without_them_nobody_is_let_in():
    settings = {"addresses": ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32"]}
    for address in ("192.0.2.1", "198.51.100.7", "2001:db8::7", "::ffff:192.0.2.1"):
        assert is_let_in(settings, address), address
        assert not is_let_in({}, address), address
        assert is_let_in({"any_address": True}, address), address
    for address in ("192.0.2.2", "2001:db9::7", "", "unix"):
        assert not is_let_in(settings, address), address


@pytest.fixture
def run(office_folder, tmp_path, capsys):
    """Return a function that runs the command with files of these contents, and returns status and errors."""

    def run(*words, secrets=None, settings=None):
        for name, content in (("secrets", secrets), ("settings", settings)):
            if content is not None:
                (tmp_path / name).write_text(content)
                words = (*words, f"--{name}", str(tmp_path / name))
        status = cli.main(["headend", "provider", "--office", str(office_folder.path), *words])
        return status, capsys.readouterr().err

    return run


def test_a_change_keeps_what_it_does_not_name(run, office_folder):
    kind = "--name", "mpesa", "--kind", "mpesa"
    assert run(*kind, secrets="one\n", settings=json.dumps(MPESA)) == (0, "")
    other = MPESA | {"currency": "UGX"}
    assert run(*kind, settings=json.dumps(other)) == (0, "")
    assert providers(office_folder)["mpesa"] == Provider("mpesa", "mpesa", ("one",), settings=other)
    assert run("--name", "mpesa", secrets="one\ntwo\napi-key k\n") == (0, "")
    assert providers(office_folder)["mpesa"] == Provider("mpesa", "mpesa", ("one", "two"), "k", other)
    status, told = run("--name", "mpesa", settings=json.dumps({"adresses": []}))
    assert (status, "adresses is no setting" in told) == (1, True)
    assert providers(office_folder)["mpesa"].settings == other


@pytest.mark.parametrize(
    ("words", "files", "told"),
    [
        (["--remove"], {}, "--name NAME"),
        (["--remove", "--name", "none"], {}, "there is no provider none"),
        (["--kind", "bank"], {}, 'begins with "bank"'),
        (["--kind", "bank", "--name", "house"], {}, "such as bankhouse"),
        (["--name", "stripe"], {"settings": "{}"}, "give --kind too: one of stripe, mpesa, bank"),
        (["--name", "stripe", "--kind", "stripe"], {}, "give --secrets FILE"),
        (["--name", "mpesa", "--kind", "mpesa"], {"settings": '{"any_address": true}'}, "give --secrets FILE"),
        (["--name", "stripe", "--kind", "stripe"], {"secrets": "api-key k"}, "give --secrets FILE"),
        (["--name", "stripe", "--kind", "stripe"], {"secrets": "one\napi-key \n"}, "the word api-key alone"),
        (["--name", "stripe", "--kind", "stripe"], {"secrets": "api-key a\napi-key b\n"}, "has 2 lines with api-key"),
        (["--name", "bank", "--kind", "bank"], {"settings": "columns: x"}, "settings: is no JSON"),
        (["--name", "bank", "--kind", "bank"], {"settings": "[]"}, "a table in JSON"),
    ],
)
def test_a_wrong_command_tells_the_remedy_and_changes_nothing(run, office_folder, words, files, told):
    status, error = run(*words, **files)
    assert (status, told in error) == (1, True), error
    assert providers(office_folder) == {}


def test_a_bank_that_is_unknown_tells_how_to_add_one(office_folder, tmp_path, capsys):
    put_provider(office_folder, Provider("stripe", "stripe", ("one",)))
    (tmp_path / "statement").touch()
    words = ["headend", "bank-statement", str(tmp_path / "statement"), "--office", str(office_folder.path)]
    assert cli.main([*words, "--bank", "stripe"]) == 1
    told = capsys.readouterr().err
    assert "wattpurse headend provider --kind bank --name bankhouse" in told
    assert 'begins with "bank"' in told
