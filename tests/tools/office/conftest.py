"""Offices for the tests of ledger, office and pages, on SQLite and on a real PostgreSQL.

| fixture | value |
|---|---|
| `office` | a fresh office on SQLite, with its vault in this process |
| `any_office` | the same on SQLite, and once more on PostgreSQL |
| `manager`, `second`, `cashier` | actors who have signed on at the vault of `office` or of `any_office` |
| `pages` | a client of the pages of that office; `pages.log_in("cashier")` logs a person in |
| `postgres_url` | the address of a fresh, migrated database without an office in it |
| `any_database` | the address of a fresh database with an office, on SQLite and on PostgreSQL |

The office has two managers (operators 1 and 2, all rights), a cashier (operator 3) of shop 1, and till 1 of that shop.
Two persons are needed. Each test has a database of its own, copied from a template.
"""

import itertools
import os
import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.test.utils import setup_test_environment, teardown_test_environment

from tests import office_of_tests
from tests.office_of_tests import CASHIER, MANAGER, PASSPHRASE, PASSWORD, PINS, SECOND, PostgresServer
from wattpurse_tools.record.office_folder import OfficeFolder, migrate, open_record
from wattpurse_tools.vault.engine import Vault

_TEMPLATE = "office_template"
_EMPTY = "empty_template"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def same_settings():
    """Put Django's settings back after a test: a command that serves pages sets its own."""
    before = dict(vars(settings._wrapped))
    yield
    vars(settings._wrapped).update(before)


@pytest.fixture(scope="session")
def office_template(tmp_path_factory):
    """Return the folder of an office on SQLite that each test copies."""
    with _database_url(None):
        return office_of_tests.make_template(tmp_path_factory.mktemp("template") / "office")


@pytest.fixture(scope="session")
def postgres():
    """Return a running PostgreSQL."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres, tmp_path_factory):
    """Return the folder of an office on PostgreSQL. Each test copies it, and its database too."""
    postgres.sql(f"CREATE DATABASE {_TEMPLATE}")
    with _database_url(postgres.url(_TEMPLATE)):
        return office_of_tests.make_template(tmp_path_factory.mktemp("template") / "office")


@pytest.fixture(scope="session")
def postgres_empty(postgres, tmp_path_factory):
    """Return a running PostgreSQL that has a migrated database to copy."""
    postgres.sql(f"CREATE DATABASE {_EMPTY}")
    with _database_url(postgres.url(_EMPTY)):
        open_record(OfficeFolder(tmp_path_factory.mktemp("empty")))
        migrate()
        connections.close_all()
    return postgres


@pytest.fixture
def postgres_url(postgres_empty, monkeypatch):
    """Return the address of a fresh database with the tables of the record. DATABASE_URL names it."""
    with _copy(postgres_empty, _EMPTY) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_folder(request, tmp_path, monkeypatch):
    """Return the folder of a fresh office, on each database. DATABASE_URL names that of PostgreSQL."""
    if request.param == "sqlite":
        yield from _sqlite_folder(request, tmp_path, monkeypatch)
        return
    template = request.getfixturevalue("postgres_template")
    with _copy(request.getfixturevalue("postgres"), _TEMPLATE) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        folder = office_of_tests.copy_office(template, tmp_path / "office")
        open_record(folder)
        yield folder


@pytest.fixture
def office_folder(request, tmp_path, monkeypatch):
    """Return the folder of a fresh office on SQLite, which no process has open."""
    yield from _sqlite_folder(request, tmp_path, monkeypatch)


@pytest.fixture
def any_database(any_folder):
    """Return the address of a fresh database with an office, on each database. The record is open."""
    return any_folder.database_url


@pytest.fixture
def office(office_folder):
    """Return a fresh office on SQLite, with its vault in this process."""
    yield from _office(office_folder)


@pytest.fixture
def any_office(any_folder):
    """Return a fresh office on each database, with its vault in this process."""
    yield from _office(any_folder)


@pytest.fixture
def manager(request):
    """Return operator 1, a manager with all rights, signed on."""
    return actor_of(_office_of(request), MANAGER)


@pytest.fixture
def second(request):
    """Return operator 2, the second manager, signed on."""
    return actor_of(_office_of(request), SECOND)


@pytest.fixture
def cashier(request):
    """Return operator 3, the cashier of shop 1, signed on."""
    return actor_of(_office_of(request), CASHIER, shop=1)


@pytest.fixture
def _instrumented():
    """Let answers have their templates and values. The tests of the head-end import this fixture too."""
    setup_test_environment()
    yield
    teardown_test_environment()


@pytest.fixture
def pages(request, _instrumented):
    """Return a client of the pages of the office."""
    from wattpurse_tools.desk.exchange import exchange
    from wattpurse_tools.pages import office_in_use

    office_in_use.use(_office_of(request))
    cache.clear()
    exchange.cache_clear()
    yield PagesClient()
    office_in_use.use(None)


class PagesClient(Client):
    """A browser without a screen. It follows the same steps of a login as a person does."""

    def log_in(self, name, password=PASSWORD, pin=None):
        """Log a person of the template in and return the last answer. A manager gets an app for codes if need be."""
        numbers = {name: number for number, name in office_of_tests.USERNAMES.items()}
        words = {"name": name, "password": password, "pin": PINS[numbers[name]] if pin is None else pin}
        answer = self.post("/login", words)
        if answer.status_code == 302 and answer.headers["Location"].startswith("/login/code"):
            answer = self.post("/login/code", {"code": one_time_code(name)})
        return answer


def one_time_code(name):
    """Return a one-time code of a person, who gets an app that the next code is right for."""
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from wattpurse_tools.record.models import User

    user = User.objects.get(username=name)
    device, _ = TOTPDevice.objects.get_or_create(user=user, name="app", defaults={"confirmed": True})
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=-1, throttling_failure_count=0)
    return f"{totp(device.bin_key):06}"


def actor_of(office, operator, shop=None):
    """Return an operator of the template who has signed on."""
    from wattpurse_tools.office.actor import Actor

    session = office.keys.sign_on(operator, PINS[operator])
    return Actor.of(session, shop)


def _office_of(request):
    return request.getfixturevalue("any_office" if "any_office" in request.fixturenames else "office")


def _sqlite_folder(request, tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    folder = office_of_tests.copy_office(request.getfixturevalue("office_template"), tmp_path / "office")
    open_record(folder)
    yield folder
    connections.close_all()


def _office(folder):
    from wattpurse_tools.office.office import open_office

    with Vault.open(folder.vault, PASSPHRASE) as vault, open_office(folder, vault) as office:
        yield office


class _copy:
    """A copy of a database of PostgreSQL for a `with` block."""

    def __init__(self, postgres, template):
        self._postgres = postgres
        self._template = template
        self._name = f"test_{os.getpid()}_{time.time_ns()}_{next(_numbers)}"

    def __enter__(self):
        self._postgres.sql(f"CREATE DATABASE {self._name} TEMPLATE {self._template}")
        return self._postgres.url(self._name)

    def __exit__(self, *_):
        connections.close_all()
        self._postgres.sql(f"DROP DATABASE {self._name} WITH (FORCE)")


class _database_url:
    """DATABASE_URL for a `with` block of a fixture that lives longer than a test."""

    def __init__(self, url):
        self._url = url

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        if self._url is None:
            self._patch.delenv("DATABASE_URL", raising=False)
        else:
            self._patch.setenv("DATABASE_URL", self._url)

    def __exit__(self, *_):
        self._patch.undo()
