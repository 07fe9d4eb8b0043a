"""Set up a new office: folder, secret, vault, database, the first shop and the first people.

It is made in a folder beside its place and gets its name when it is whole. In a PostgreSQL database the row of the site
comes last, so an office that was not finished is begun again.
"""

import os
import secrets
import shutil
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connections, transaction

from wattpurse_tools import private_files
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.record.office_folder import SCHEMA_VERSION, OfficeFolder, migrate, open_record
from wattpurse_tools.vault import setup as vault_setup
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import RIGHTS, Operator
from wattpurse_tools.vault.setup import People

FIRST_SHOP = 1

_SECRET_SIZE = 32
_PIN_DIGITS = 8
_WORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4


@dataclass(frozen=True)
class Plan:
    """The beginning of a new office.

    `managers` are the user names of the first managers. With `is_shell_trusted` the commands of the Unix user who sets
    the office up act as the first manager without a PIN.
    """

    name: str = "Office"
    currency: str = "EUR"
    decimals: int = 2
    language: str = "en"
    time_zone: str = "UTC"
    managers: Sequence[str] = ("manager",)
    is_shell_trusted: bool = True

    @property
    def persons(self) -> int:
        """The number of persons that a change of weight needs: two, if there are two managers."""
        return min(2, len(self.managers))


@dataclass(frozen=True)
class NewPerson:
    """A person who may log in, with the secrets that are shown once."""

    username: str
    operator: int
    password: str
    pin: str


MakeVault = Callable[[Path, str, People], None]
MakeVaultFrom = Callable[[Path, str, People, vault_setup.Source], None]


def set_up(
    folder: OfficeFolder,
    passphrase: str,
    plan: Plan,
    make_vault: MakeVault = vault_setup.create,
    write_more: Callable[[], object] | None = None,
) -> list[NewPerson]:
    """Set up an office and return its first people. Raise ValueError if there is one.

    `write_more` writes further rows in the transaction of the first ones.
    """
    place = Path(os.path.realpath(folder.path))
    found = {path.name for path in place.iterdir()} if place.exists() else set()
    if found - {folder.cards.name}:
        raise ValueError(f"{folder.path}: is not empty; name another folder with --office, or serve this office")
    _check(plan)
    people = [NewPerson(name, number, new_password(), new_pin()) for number, name in enumerate(plan.managers, 1)]
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        _fill(OfficeFolder(part), passphrase, plan, people, make_vault, write_more)
        if found:
            _take_cards(place, part / folder.cards.name)
        os.rename(part, place)
    except BaseException:
        shutil.rmtree(part)
        raise
    private_files.make_folder(folder.cards)
    open_record(folder)
    return people


def vault_of_vending_point(keys: Path, make_vault: MakeVaultFrom = vault_setup.create) -> MakeVault:
    """Return the maker of a vault with the keys of a vending point, from its key file.

    Raise ValueError for any other file.
    """
    source = vault_setup.read_source(keys)
    if source.ring is None or source.ring.issuer == 0:
        raise ValueError(f"{keys}: are the keys of an office; take them over with: wattpurse office import")

    def make(path: Path, passphrase: str, people: People) -> None:
        make_vault(path, passphrase, people, source)

    return make


def _take_cards(place: Path, cards: Path) -> None:
    """Move a folder of cards, which a simulated meter may have made before, into the new office."""
    found = place / cards.name
    if found.is_symlink() or not found.is_dir():
        raise ValueError(f"{found}: is no folder; remove it")
    os.rename(found, cards)
    os.chmod(cards, private_files.FOLDER_MODE)
    os.rmdir(place)


def new_password() -> str:
    """Return a password that is easy to read aloud, of about 78 bits."""
    return "-".join("".join(secrets.choice(_WORD_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def new_pin() -> str:
    """Return a PIN."""
    return "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))


def _check(plan: Plan) -> None:
    """Raise ValueError if a part of a plan cannot be."""
    if plan.time_zone not in zoneinfo.available_timezones():
        raise ValueError(f"{plan.time_zone}: there is no such time zone; write one such as Europe/Berlin")
    if len({name.casefold() for name in plan.managers}) != len(plan.managers) or not plan.managers:
        raise ValueError("each manager has a name of one's own")
    if any(name.isdecimal() or not name.isprintable() or not name for name in plan.managers):
        raise ValueError("a user name is no number: a number is that of an operator")
    is_code = (
        len(plan.currency) == 3 and plan.currency.isascii() and plan.currency.isalpha() and plan.currency.isupper()
    )
    if not is_code or not 0 <= plan.decimals <= 6:
        raise ValueError("a currency has a code of three letters, such as EUR, and 0 to 6 decimals")


def _fill(
    folder: OfficeFolder,
    passphrase: str,
    plan: Plan,
    people: Sequence[NewPerson],
    make_vault: MakeVault,
    write_more: Callable[[], object] | None,
) -> None:
    private_files.create(folder.secret, secrets.token_hex(_SECRET_SIZE).encode())
    private_files.make_folder(folder.backups)
    operators = [(Operator(one.operator, one.username, RIGHTS), one.pin) for one in people]
    users = {os.getuid(): people[0].operator if plan.is_shell_trusted else 0}
    make_vault(folder.vault, passphrase, People(operators, users, plan.persons))
    with Vault.open(folder.vault, passphrase) as vault:
        fingerprint, fingerprints = vault.fingerprint(), vault.fingerprints()
    if folder.is_sqlite:
        private_files.create(folder.database, b"")
    open_record(folder)
    try:
        migrate()
        with transaction.atomic():
            _write_first_rows(plan, people, fingerprint, fingerprints)
            if write_more is not None:
                write_more()
    finally:
        connections.close_all()


def _write_first_rows(plan: Plan, people: Sequence[NewPerson], fingerprint: str, fingerprints: dict[int, str]) -> None:
    from wattpurse_tools.record.models import Shop, Site, Till, User

    if Site.objects.exists():
        raise ValueError("this database has an office already; name another one in DATABASE_URL")
    Site.objects.create(
        name=plan.name,
        schema_version=SCHEMA_VERSION,
        key_fingerprint=fingerprint,
        key_fingerprints={str(version): text for version, text in fingerprints.items()},
        currency=plan.currency,
        decimals=plan.decimals,
    )
    shop = Shop.objects.create(number=FIRST_SHOP, name=plan.name, time_zone=plan.time_zone, language=plan.language)
    Till.objects.create(shop=shop, number=1)
    for one in people:
        User.objects.create_user(
            one.username,
            password=one.password,
            operator=one.operator,
            role=User.MANAGER,
            language=plan.language,
            is_staff=True,
        )
    nobody = Actor(operator=0, ticket="")
    audit.note(nobody, "set up", plan.name, managers=list(plan.managers), time_s=int(time.time()))
