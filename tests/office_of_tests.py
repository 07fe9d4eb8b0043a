"""Offices for tests: Django configured as the pages need it, an office made quickly, and a real PostgreSQL.

`configure` is called before a test module imports the record. Fixtures that use the rest are in
`tests/tools/office/conftest.py`.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder

ROOT = Path(__file__).parents[1]
PASSPHRASE = "a passphrase of tests"
MANAGER, SECOND, CASHIER = 1, 2, 3
PINS = {MANAGER: "246802", SECOND: "135790", CASHIER: "998877"}
PASSWORD = "four words on paper"
USERNAMES = {MANAGER: "manager", SECOND: "second", CASHIER: "cashier"}
CASHIER_RIGHTS = ("sell",)

_FAST_HASHES = ["django.contrib.auth.hashers.MD5PasswordHasher"]
_POSTGRES_VARIABLES = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSERVICE")


def configure() -> None:
    """Set Django up for tests of the record and of the pages."""
    office_folder.configure(
        OfficeFolder(Path(tempfile.gettempdir()) / "no-office"),
        **page_settings() | {"ALLOWED_HOSTS": ["*"], "PASSWORD_HASHERS": _FAST_HASHES},
    )


def make_template(path: Path) -> OfficeFolder:
    """Make an office with two managers, a cashier, a shop and a till, on SQLite. `make_office` copies it."""
    from wattpurse_tools.office import setting_up
    from wattpurse_tools.record.models import Shop, User
    from wattpurse_tools.vault import setup
    from wattpurse_tools.vault.engine import Vault
    from wattpurse_tools.vault.interface import RIGHTS, Operator

    def make_vault(place, passphrase, _people):
        operators = [(Operator(number, name, RIGHTS), PINS[number]) for number, name in USERNAMES.items()]
        operators[2] = (Operator(CASHIER, USERNAMES[CASHIER], CASHIER_RIGHTS), PINS[CASHIER])
        setup.create_for_tests(place, passphrase, setup.People(operators, {os.getuid(): MANAGER}, persons=2))

    folder = OfficeFolder(path)
    plan = setting_up.Plan(name="Site of tests", managers=("manager", "second"))
    setting_up.set_up(folder, PASSPHRASE, plan, make_vault)
    User.objects.create_user(
        USERNAMES[CASHIER], operator=CASHIER, role=User.CASHIER, shop=Shop.objects.get(number=1), password=PASSWORD
    )
    for user in User.objects.exclude(operator=CASHIER):
        user.set_password(PASSWORD)
        user.save()
    connections.close_all()
    with Vault.open(folder.vault, PASSPHRASE):
        pass
    return folder


def copy_office(template: OfficeFolder, path: Path) -> OfficeFolder:
    """Copy an office that no process has open."""
    shutil.copytree(template.path, path)
    return OfficeFolder(path)


def write_entries(path: str, name: str) -> None:
    """Write entries of the audit trail, each in a transaction of its own. It is the whole work of a process."""
    configure()
    from django.db import transaction

    from wattpurse_tools.office import audit
    from wattpurse_tools.office.actor import Actor

    office_folder.open_record(OfficeFolder(path))
    for number in range(10):
        with transaction.atomic():
            audit.note(Actor(1, ""), "written", f"{name}:{number}")


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL: the folder of its socket."""

    folder: Path

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgres://postgres@/{database}?host={self.folder}"

    def sql(self, words: str) -> None:
        """Run SQL in the database `postgres`."""
        import psycopg

        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(words)  # type: ignore[arg-type]


class PostgresServer:
    """A PostgreSQL with its data in a folder of its own, at a Unix socket alone, for a `with` block.

    `data` is the folder of another server's data, to begin with a copy of it (see `keep`). PostgreSQL refuses to run as
    root, so root starts it as the user `nobody`.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._begin = data

    def __enter__(self) -> Postgres:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="wp-pg-", dir="/tmp"))
        self._data = self._folder / "data"
        if os.getuid() == 0:
            shutil.chown(self._folder, "nobody")
        if self._begin is None:
            words = "-U", "postgres", "-A", "trust", "-N", "--no-instructions", "-E", "UTF8"
            self._run("initdb", "-D", self._data, *words)
        else:
            subprocess.run(["cp", "-a", self._begin, self._data], check=True)
        self._start()
        return Postgres(self._folder)

    def __exit__(self, *_: object) -> None:
        self._stop("immediate")
        shutil.rmtree(self._folder)

    def restart(self) -> None:
        """End the server without a word to its clients, as a crash does, and start it again."""
        self._stop("immediate")
        self._start()

    def keep(self, path: Path) -> None:
        """Copy the data to a folder, for other servers to begin with. The server stops for the time."""
        self._stop("fast")
        subprocess.run(["cp", "-a", self._data, path], check=True)
        self._start()

    def _start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-D", self._data, "-w", "-o", options, "-l", self._folder / "log", "start")

    def _stop(self, how: str) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", how, "stop")

    def _run(self, program: str, *words: object) -> None:
        command = [str(self._programs / program), *map(str, words)]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *command]
        environment = {name: value for name, value in os.environ.items() if name not in _POSTGRES_VARIABLES}
        done = subprocess.run(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if done.returncode:
            raise OSError(f"{program}: {done.stderr.decode(errors='replace')}")


def _programs() -> Path:
    """Return the folder with the programs of the newest PostgreSQL. It is installed if there is none."""
    for _ in range(2):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if found:
            return found[-1].parent
        subprocess.run([ROOT / "tools/toolchain/debian-packages", "postgresql"], check=True)
    raise OSError("there is no PostgreSQL")
