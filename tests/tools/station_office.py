"""An office of one person for the tests of the station and its commands, with its vault in this process.

The person is operator 1 with all rights, whom the vault knows by the Unix user. The folder of the office is the working
folder, so cards lie in `cards`. Each office is a copy of one that is made once in a test run.
"""

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from django.db import connections

from wattpurse_tools.commands import station_options
from wattpurse_tools.record.office_folder import OfficeFolder, migrate, open_record
from wattpurse_tools.station.shop import open_shop
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import RIGHTS, Operator
from wattpurse_tools.vault.server import Server

PASSPHRASE = "a passphrase of tests"
OWNER = 1
PINS = {1: "246802", 2: "135790", 3: "998877"}

_made = {}
_open = []


class StationOffice:
    """An open office in `folder` with its `vault`. `person` has signed on."""

    def __init__(self, folder, vault):
        self.folder = folder
        self.vault = vault
        self.person = vault.sign_on_as_user()

    @property
    def key_version(self):
        """The newest key version."""
        return self.vault.newest_version

    @property
    def site_key(self):
        """The newest site key."""
        return self.keys_of(1)[1]

    def meter_key(self, number, key_version=None):
        """Return the key of a meter, of a version or of the newest."""
        return self.keys_of(number, key_version)[0]

    def keys_of(self, number, key_version=None):
        """Return meter key and site key of a version."""
        version = key_version or self.vault.newest_version
        return self.vault.meter_keys(self.person.ticket, number, version, version)

    def station(self, person=None):
        """Return the record, in which `person` works."""
        return Station(self.vault, person or self.person)

    def shop(self, person=None):
        """Return the shop, in which `person` works."""
        return open_shop(self.vault, self.folder.cards, person or self.person)

    def forget_record(self):
        """Lose the record: an empty one takes its place."""
        self._put_record(_template(self.vault.persons) / "office.db")

    @contextlib.contextmanager
    def older_record(self):
        """Put the record back at the end of a `with` block, as it was at its beginning."""
        copy = self.folder.path / "yesterday.db"
        connections.close_all()
        shutil.copy(self.folder.database, copy)
        yield
        self._put_record(copy)

    @contextlib.contextmanager
    def served(self):
        """Serve the vault at the socket of the office for a `with` block, to other processes."""
        server = Server(self.vault, self.folder.socket)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield
        finally:
            server.stop()
            thread.join()

    def _put_record(self, source):
        connections.close_all()
        for part in ("-wal", "-shm"):
            self.folder.database.with_name(f"office.db{part}").unlink(missing_ok=True)
        shutil.copy(source, self.folder.database)

    def hire(self, number, rights, limits=None):
        """Add an operator and return the session."""
        facts = {} if limits is None else {"limits": limits}
        self.vault.set_operator(self.person.ticket, Operator(number, f"person {number}", rights, **facts), PINS[number])
        return self.vault.sign_on(number, PINS[number])


@contextlib.contextmanager
def opened(path, persons=1):
    """Open a fresh office in a folder for a `with` block. The commands of this process connect to its vault."""
    folder = OfficeFolder(path)
    shutil.copytree(_template(persons), path, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, Vault.open(folder.vault, PASSPHRASE) as vault:
        patch.delenv("DATABASE_URL", raising=False)
        patch.setenv("WATTPURSE_OFFICE", str(path))
        patch.setattr(station_options, "connect", lambda _folder: vault)
        open_record(folder)
        _open.append(StationOffice(folder, vault))
        try:
            yield _open[-1]
        finally:
            _open.pop()
            connections.close_all()
            if _open:
                open_record(_open[-1].folder)


def current():
    """Return the office that is open."""
    return _open[-1]


@contextlib.contextmanager
def open_station():
    """Open the record of the office for a `with` block."""
    yield current().station()


def _template(persons):
    """Return the folder of an empty office, made once."""
    if persons not in _made:
        folder = OfficeFolder(Path(tempfile.mkdtemp(prefix="wp-station-")) / "office")
        folder.path.mkdir(mode=0o700)
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DATABASE_URL", raising=False)
            os.close(os.open(folder.database, os.O_CREAT, 0o600))
            open_record(folder)
            migrate()
            connections.close_all()
        operators = [(Operator(number, f"person {number}", RIGHTS), PINS[number]) for number in range(1, persons + 1)]
        people = setup.People(operators, {os.getuid(): OWNER}, persons)
        setup.create_for_tests(folder.vault, PASSPHRASE, people)
        _made[persons] = folder.path
    return _made[persons]
