"""An office's folder and its database: where things are, and how the record is opened.

The folder has `office.db` unless DATABASE_URL names a PostgreSQL database, the vault's own folder and socket, the card
folder and the secret of the pages. One office is open in a process at a time.
"""

import os
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from wattpurse_tools import private_files
from wattpurse_tools.record import statement_months

SCHEMA_VERSION = 3
DEFAULT_FOLDER = "office-data"

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;"
)
_APPS = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_htmx",
    "wattpurse_tools.ledger.apps.LedgerConfig",
    "wattpurse_tools.record.apps.RecordConfig",
    "wattpurse_tools.headend.apps.HeadendConfig",
    "wattpurse_tools.pages.apps.PagesConfig",
)


class OfficeFolder:
    """The paths in the folder of an office."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.vault = self.path / "vault"
        self.socket = self.path / "vault.sock"
        self.cards = self.path / "cards"
        self.secret = self.path / "secret"
        self.database = self.path / "office.db"
        self.trial_passphrase = self.path / "passphrase-of-the-trial"
        self.backups = self.path / "backups"
        self.headend_settings = self.path / "headend.toml"
        self.metrics_token = self.path / "metrics-token"

    @property
    def database_url(self) -> str:
        """The address of the database."""
        return os.environ.get("DATABASE_URL") or f"sqlite:///{self.database.absolute()}"

    def passphrase_of_trial(self) -> str | None:
        """Return the passphrase of an office to try things on, which lies in its folder, or None."""
        if not self.trial_passphrase.exists():
            return None
        return private_files.read(self.trial_passphrase).decode().strip()

    @property
    def is_sqlite(self) -> bool:
        """True if the database is the file in the folder."""
        return not os.environ.get("DATABASE_URL")


def folder_of(name: str | Path | None = None) -> OfficeFolder:
    """Return the office folder by its name, WATTPURSE_OFFICE, or the default."""
    return OfficeFolder(name or os.environ.get("WATTPURSE_OFFICE") or DEFAULT_FOLDER)


def open_record(folder: OfficeFolder) -> None:
    """Make the folder's database the one that the models use. Raise ValueError if it is none or of another version."""
    configure(folder)
    if folder.is_sqlite and folder.database.exists():
        private_files.check(folder.database)
    _point_to(folder.database_url)


def migrate() -> None:
    """Create or bring up to date the tables of the open record."""
    call_command("migrate", verbosity=0, interactive=False)
    statement_months.make_months(int(time.time()))


def configure(folder: OfficeFolder, **options: object) -> None:
    """Set Django up for this process. `options` are settings of the program that serves the pages.

    A process that has opened the record before gets the options too, if it has not used them yet.
    """
    if settings.configured:
        for name, value in options.items():
            setattr(settings, name, value)
        return
    settings.configure(
        **{
            "SECRET_KEY": _secret(folder),
            "DATABASES": {"default": _database(folder.database_url)},
            "INSTALLED_APPS": _APPS,
            "AUTH_USER_MODEL": "record.User",
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "USE_TZ": True,
            "TIME_ZONE": "UTC",
            "ROOT_URLCONF": "wattpurse_tools.pages.urls",
            **options,
        }
    )
    django.setup()


def _point_to(url: str) -> None:
    database = connections.configure_settings({"default": _database(url)})["default"]
    if connections.settings["default"]["NAME"] == database["NAME"] and connections.settings["default"].get(
        "HOST"
    ) == database.get("HOST"):
        return
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = database


def _database(url: str) -> dict[str, Any]:
    """Return the settings of a database: sqlite:///PATH or postgres://USER:PASSWORD@HOST:PORT/NAME."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "wattpurse_tools.record.sqlite",
            "NAME": unquote(parts.path[1:] if parts.path.startswith("//") else parts.path),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": _SQLITE_PRAGMAS},
        }
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError(f"DATABASE_URL: write postgres://USER:PASSWORD@HOST:PORT/NAME, not {parts.scheme}://")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
    }


def _secret(folder: OfficeFolder) -> str:
    """Return the secret of the pages. A folder that is not made yet has none that lasts."""
    try:
        return private_files.read(folder.secret).decode("ascii").strip()
    except FileNotFoundError:
        return secrets.token_hex(32)
