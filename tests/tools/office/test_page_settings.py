"""The settings of the pages: silent under Django's own checks with https, honest on a loopback address without."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.vault.client import VaultClient

CHECK = """
import json, sys
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.pages.settings import page_settings
office_folder.configure(OfficeFolder(sys.argv[1]), **page_settings(json.loads(sys.argv[2])))
from django.core import checks
print(json.dumps(sorted(one.id for one in checks.run_checks(include_deployment_checks=True))))
"""


ASK_AT_ANOTHER_HOST = """
import sys
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.pages.settings import page_settings
folder = OfficeFolder(sys.argv[1])
office_folder.configure(folder, **page_settings())
office_folder.open_record(folder)
from django.test import Client
print(Client().get("/login", HTTP_HOST="evil.example").status_code)
"""


def run(program, *words):
    """Run a program in Python, and return it with its output."""
    root = Path(__file__).parents[3]
    paths = os.pathsep.join(str(root / one) for one in (".", "firmware", "tools"))
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


def warnings_of(folder, public_url):
    """Return the findings of `check --deploy`."""
    return json.loads(run(CHECK, folder, json.dumps(public_url)).stdout)


def test_djangos_deployment_check_is_silent_with_https(office_folder):
    assert warnings_of(office_folder.path, "https://office.example") == []


def test_without_https_the_check_names_what_tls_would_give_and_nothing_else(office_folder):
    tls = ["security.W004", "security.W008", "security.W012", "security.W016"]
    assert warnings_of(office_folder.path, None) == tls
    assert page_settings()["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]


@pytest.mark.parametrize("address", ["http://office.example", "office.example", "https://", "https://a.example/path"])
def test_a_public_address_without_tls_is_refused(address):
    with pytest.raises(ValueError, match="https://NAME"):
        page_settings(address)


def test_a_cookie_of_https_is_sent_by_tls_alone():
    settings = page_settings("https://office.example:8443")
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert str(settings["SESSION_COOKIE_NAME"]).startswith("__Host-")
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://office.example:8443"]


def test_the_pages_refuse_a_vault_of_another_site(office, tmp_path):
    from wattpurse_tools.office.office import Office
    from wattpurse_tools.pages.office_checks import refuse_unfit
    from wattpurse_tools.record.models import Site

    assert refuse_unfit(office).name == "Site of tests"
    Site.objects.update(key_fingerprint="that of another site")
    with pytest.raises(ValueError, match="another site"):
        refuse_unfit(office)
    Site.objects.update(schema_version=99)
    with pytest.raises(ValueError, match="newer program"):
        refuse_unfit(Office(office.folder, VaultClient(tmp_path / "nothing")))


def test_the_pages_refuse_a_database_without_an_office(postgres_url, office, monkeypatch):
    from wattpurse_tools.pages.office_checks import refuse_unfit
    from wattpurse_tools.record.office_folder import open_record

    monkeypatch.setenv("DATABASE_URL", postgres_url)
    open_record(office.folder)
    with pytest.raises(ValueError, match="wattpurse office init"):
        refuse_unfit(office)


def test_a_request_with_a_wrong_host_is_refused_without_a_line_in_the_log(office_folder):
    done = run(ASK_AT_ANOTHER_HOST, office_folder.path)
    assert (done.stdout, done.stderr) == ("400\n", "")
