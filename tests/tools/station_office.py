"""An office of one person for the tests of the station and its commands, with its vault in this process.

The person is operator 1 with all rights, whom the vault knows by the Unix user. The folder of the office is the working
folder, so cards lie in `cards`. Each office is a copy of one that is made once in a test run.
"""

import contextlib
import json
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
from wattpurse_tools.vault.key_sets import read_key_file
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
    def versions(self):
        """The key versions, as a card reader asks for them."""
        return self.vault.versions

    def card_keys(self, uid, key_version):
        """Return the keys of a card, as a card reader asks for them."""
        return self.vault.card_keys(uid, key_version)

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
            self.reopen()

    def reopen(self):
        """Open the vault again, and sign on."""
        self.vault.close()
        self.vault = Vault.open(self.folder.vault, PASSPHRASE)
        self.person = self.vault.sign_on_as_user()

    def _put_record(self, source):
        connections.close_all()
        for part in ("-wal", "-shm"):
            self.folder.database.with_name(f"office.db{part}").unlink(missing_ok=True)
        shutil.copy(source, self.folder.database)

    def roll(self):
        """Make the next key version."""
        self.person = self.vault.sign_on_as_user()
        return self.vault.roll(self.person.ticket)

    def hire(self, number, rights, limits=None):
        """Add an operator and return the session."""
        facts = {} if limits is None else {"limits": limits}
        self.vault.set_operator(self.person.ticket, Operator(number, f"person {number}", rights, **facts), PINS[number])
        return self.vault.sign_on(number, PINS[number])


@contextlib.contextmanager
def opened(path, persons=1, source=None, own_keys=False, is_current=True):
    """Open a fresh office in a folder for a `with` block. The commands of this process connect to its vault.

    With a `source` of keys, or with `own_keys`, it has other keys than the rest. The commands take it without
    `--office` if it `is_current`.
    """
    folder = OfficeFolder(Path(path).absolute())
    shutil.copytree(_template(persons), folder.path, dirs_exist_ok=True)
    if own_keys or source is not None:
        shutil.rmtree(folder.vault)
        _make_vault(folder, persons, source)
    office = StationOffice(folder, Vault.open(folder.vault, PASSPHRASE))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.setattr(station_options, "connect", _vault_of)
        if is_current:
            patch.setenv("WATTPURSE_OFFICE", str(folder.path))
            open_record(folder)
        _open.insert(len(_open) if is_current else 0, office)
        try:
            yield office
        finally:
            _open.remove(office)
            connections.close_all()
            office.vault.close()
            if _open:
                open_record(_open[-1].folder)


@contextlib.contextmanager
def vending_point(path, issuer, meters):
    """Open a vending point of the current office in a folder, for a `with` block. Commands take it with `--office`."""
    document = current().vault.vending_point(current().person.ticket, issuer, meters)
    source = setup.Source(read_key_file(json.loads(json.dumps(document))))
    with opened(path, source=source, is_current=False) as office:
        yield office


@contextlib.contextmanager
def _vault_of(folder):
    """Yield the vault of an open office, as the commands connect to it."""
    yield next(one.vault for one in _open if one.folder.path == folder.path.absolute())


def current():
    """Return the office that is open."""
    return _open[-1]


@contextlib.contextmanager
def open_station():
    """Open the record of the office for a `with` block."""
    open_record(current().folder)
    yield current().station()


def _make_vault(folder, persons, source=None):
    operators = [(Operator(number, f"person {number}", RIGHTS), PINS[number]) for number in range(1, persons + 1)]
    people = setup.People(operators, {os.getuid(): OWNER}, persons)
    setup.create_for_tests(folder.vault, PASSPHRASE, people, source)


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
        _make_vault(folder, persons)
        _made[persons] = folder.path
    return _made[persons]
