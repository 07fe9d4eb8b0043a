"""The key file of a site: a JSON document with the root keys (see wattpurse.core.seals.keys).

    {"format": 2, "keys": [{"key_version": 1, "vending_key": 32 hexadecimal digits, "site_key": the same}, ...]}

Versions rise. The last one is the newest. Older ones are kept for meters and cards that do not have the newest yet.
A document of format 1 is one such set of keys. A vending key makes credit for every meter that uses its version.

The office makes the key file of a vending point. It has the keys of one issuer for some meters, and no vending key:

    {"format": 3, "issuer": 2, "keys": [{"key_version": 1, "site_key": ..., "operator_key": ...,
        "meters": {"1001": {"issuer_key": ..., "statement_key": ...}, ...}}, ...]}
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from boards.host.chips.aes import aes
from wattpurse.core.money.token_windows import ISSUERS, OFFICE
from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import diversify
from wattpurse.core.seals.sealing import KeyPair
from wattpurse_tools.tariffs.fields import Section, each, integer, matching

KEY_VERSION_LIMIT = 255
FORMAT = 2
VENDING_POINT_FORMAT = 3

_KEY_SIZE = 16
_OPERATORS = b"operators"
_SECRETS = ("vending_key", "site_key", "operator_key", "issuer_key", "statement_key")
_key_text = matching(r"[0-9a-fA-F]{32}", "write 32 hexadecimal digits")
_version = integer(0, KEY_VERSION_LIMIT)


class KeySet:
    """One version of the office's keys: `key_version`, `vending_key`, `site_key` (16 bytes each)."""

    def __init__(self, key_version: int, vending_key: bytes, site_key: bytes) -> None:
        self.key_version = key_version
        self.vending_key = vending_key
        self.site_key = site_key
        self.operator_key = vending_key

    def meter_key(self, meter_number: int) -> bytes:
        """Return the key that the office shares with one meter."""
        return keys.meter_key(aes, self.vending_key, meter_number)

    def issuer_key(self, meter_number: int, issuer: int) -> bytes:
        """Return the key under which an issuer seals the tokens of one meter."""
        return keys.issuer_key(aes, self.meter_key(meter_number), issuer)

    def statement_key(self, meter_number: int) -> bytes:
        """Return the key from which the statement keys of one meter are derived."""
        return keys.statement_key(aes, self.meter_key(meter_number))


class VendingPointKeySet:
    """One version of a vending point's keys: the `meters` that it sells to, as `(issuer key, statement key)`."""

    def __init__(
        self, key_version: int, site_key: bytes, operator_key: bytes, meters: dict[int, tuple[bytes, bytes]]
    ) -> None:
        self.key_version = key_version
        self.site_key = site_key
        self.operator_key = operator_key
        self._meters = meters

    def meter_key(self, _meter_number: int) -> bytes:
        """Raise ValueError: the office alone has the keys of meters."""
        raise ValueError("this is the key file of a vending point; the keys of a meter are in the office's key file")

    def issuer_key(self, meter_number: int, _issuer: int) -> bytes:
        """Return the key under which this vending point seals. Raise ValueError for a meter that it does not serve."""
        return self._of(meter_number)[0]

    def statement_key(self, meter_number: int) -> bytes:
        """Return the key of the statements of a meter. Raise ValueError for a meter that it does not serve."""
        return self._of(meter_number)[1]

    def _of(self, meter_number: int) -> tuple[bytes, bytes]:
        if meter_number not in self._meters:
            raise ValueError(
                f"this vending point has no keys of version {self.key_version} for meter {meter_number}; ask the office"
                " for a new key file"
            )
        return self._meters[meter_number]


AnyKeySet = KeySet | VendingPointKeySet


class SiteKeys:
    """The keys of one site in all versions. `key_version`, `site_key` and `operator_key` are the newest.

    `issuer` is the number under which tokens are sealed: 0 for the office.
    """

    def __init__(self, key_sets: Sequence[AnyKeySet], issuer: int = OFFICE) -> None:
        self.issuer = issuer
        self.newest_first = key_sets[::-1]
        self.key_version = key_sets[-1].key_version
        self.site_key = key_sets[-1].site_key
        self.operator_key = key_sets[-1].operator_key

    def version(self, key_version: int) -> AnyKeySet:
        """Return the keys of one version. Raise ValueError if they are not in this key file."""
        for key_set in self.newest_first:
            if key_set.key_version == key_version:
                return key_set
        raise ValueError(f"the keys of version {key_version} are not in this key file; use the newest copy of it")

    def meter_key(self, meter_number: int, key_version: int | None = None) -> bytes:
        """Return the key that the office shares with one meter, of a version or of the newest.

        Raise ValueError if this is the key file of a vending point.
        """
        key_set = self.newest_first[0] if key_version is None else self.version(key_version)
        return key_set.meter_key(meter_number)

    def meter_keys(self, meter_number: int) -> list[tuple[int, bytes]]:
        """Return `(version, key)` of one meter in all versions, the newest first. Raise ValueError as `meter_key`."""
        return [(key_set.key_version, key_set.meter_key(meter_number)) for key_set in self.newest_first]

    def token_keys(self, meter_number: int, key_version: int) -> KeyPair:
        """Return the keys that seal the tokens of this issuer for one meter."""
        return keys.token_keys(aes, self.version(key_version).issuer_key(meter_number, self.issuer))

    def statement_keys(self, meter_number: int, card_uid: bytes) -> list[tuple[int, KeyPair]]:
        """Return `(version, keys)` of the statements of one meter on one card, the newest first."""
        return [
            (key_set.key_version, keys.statement_keys(aes, key_set.statement_key(meter_number), card_uid))
            for key_set in self.newest_first
        ]

    def before(self, key_version: int) -> int | None:
        """Return the version before `key_version`, or None."""
        older = [key_set.key_version for key_set in self.newest_first if key_set.key_version < key_version]
        return older[0] if older else None

    def after(self, key_version: int) -> int | None:
        """Return the version after `key_version`, or None."""
        newer = [key_set.key_version for key_set in self.newest_first if key_set.key_version > key_version]
        return newer[-1] if newer else None

    @property
    def first_version(self) -> int:
        """The oldest version."""
        return self.newest_first[-1].key_version

    def fingerprint(self) -> str:
        """Return a text that identifies the site and reveals no key. Later versions do not change it."""
        first = self.newest_first[-1]
        return diversify(aes, first.operator_key, b"fingerprint" + first.site_key).hex()


def load(path: str | Path) -> SiteKeys:
    """Return the keys in a key file. Raise ValueError, with the remedy, if it is missing or broken."""
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such key file; make one with: wattpurse keys new {path}")
    try:
        return _read(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: not a key file: {_without_keys(error)}") from error


def make(path: str | Path, key_version: int = 1) -> None:
    """Write a new key file that only its owner can read. Raise ValueError if the file exists."""
    document = {"format": FORMAT, "keys": [_new_keys(_version(key_version, "--key-version"))]}
    try:
        _write(path, os.O_EXCL, document)
    except FileExistsError:
        raise ValueError(f"{path} exists and is not overwritten: without its keys a site's credit is lost") from None


def make_vending_point(office: str | Path, path: str | Path, issuer: int, meters: list[int]) -> None:
    """Write the key file of a vending point, which only its owner can read. Raise ValueError if it cannot be.

    It seals as `issuer` for `meters`, and reads their statements.
    """
    if not OFFICE < issuer < ISSUERS:
        raise ValueError(f"a vending point is an issuer from 1 to {ISSUERS - 1}")
    key_sets = [_vending_point_document(one, issuer, meters) for one in _of_office(office)]
    try:
        _write(path, os.O_EXCL, {"format": VENDING_POINT_FORMAT, "issuer": issuer, "keys": key_sets})
    except FileExistsError:
        raise ValueError(f"{path} exists and is not overwritten; choose another name") from None


def roll(path: str | Path) -> int:
    """Add the next version to a key file and return it. The file is whole at any moment. Raise ValueError after 255."""
    path = Path(path)
    key_sets = _of_office(path)
    key_version = key_sets[-1].key_version + 1
    if key_version > KEY_VERSION_LIMIT:
        raise ValueError(f"{path}: version {KEY_VERSION_LIMIT} is the last possible one")
    documents = [_document(key_set) for key_set in key_sets]
    temporary = path.with_name(path.name + ".part")
    _write(temporary, os.O_TRUNC, {"format": FORMAT, "keys": [*documents, _new_keys(key_version)]})
    os.replace(temporary, path)
    return key_version


def _of_office(path: str | Path) -> list[KeySet]:
    """Return the office's keys of all versions, the oldest first. Raise ValueError for another key file."""
    key_sets = [one for one in load(path).newest_first[::-1] if isinstance(one, KeySet)]
    if not key_sets:
        raise ValueError(f"{path} is the key file of a vending point; only the office makes keys")
    return key_sets


def _read(values: object) -> SiteKeys:
    form = values.get("format", 1) if isinstance(values, dict) else 1
    if form == 1:
        return SiteKeys([_read_keys(values, "", integer(1, 1))])
    if form not in (FORMAT, VENDING_POINT_FORMAT):
        raise ValueError(
            f"it is of format {form}, and this program knows formats 1 to {VENDING_POINT_FORMAT}: use a newer program"
        )
    document = Section(values, "")
    document.take("format", integer(form, form))
    issuer = document.take("issuer", integer(1, ISSUERS - 1)) if form == VENDING_POINT_FORMAT else OFFICE
    read = _read_vending_point_keys if form == VENDING_POINT_FORMAT else _read_keys
    key_sets = document.take("keys", each(read, 1, KEY_VERSION_LIMIT + 1))
    document.finish()
    versions = [key_set.key_version for key_set in key_sets]
    if versions != sorted(set(versions)):
        raise ValueError("keys: the versions must go up")
    return SiteKeys(key_sets, issuer)


def _read_keys(values: object, where: str, form: Callable[[object, str], int] | None = None) -> KeySet:
    document = Section(values, where)
    key_set = KeySet(
        document.take("key_version", _version),
        bytes.fromhex(document.take("vending_key", _key_text)[0]),
        bytes.fromhex(document.take("site_key", _key_text)[0]),
    )
    if form is not None:
        document.take("format", form, 1)
    document.finish()
    return key_set


def _read_vending_point_keys(values: object, where: str) -> VendingPointKeySet:
    document = Section(values, where)
    key_version = document.take("key_version", _version)
    site_key, operator_key = (bytes.fromhex(document.take(name, _key_text)[0]) for name in ("site_key", "operator_key"))
    meters = document.take("meters", _read_meters)
    document.finish()
    return VendingPointKeySet(key_version, site_key, operator_key, meters)


def _read_meters(values: object, where: str) -> dict[int, tuple[bytes, bytes]]:
    if not isinstance(values, dict) or not all(name.isdigit() for name in values):
        raise ValueError(f"{where}: name each meter by its number")
    meters = {}
    for name, own in values.items():
        document = Section(own, f"{where}.{name}")
        issuer_key, statement_key = (
            bytes.fromhex(document.take(key, _key_text)[0]) for key in ("issuer_key", "statement_key")
        )
        document.finish()
        meters[int(name)] = (issuer_key, statement_key)
    return meters


def _vending_point_document(key_set: KeySet, issuer: int, meters: list[int]) -> dict:
    return {
        "key_version": key_set.key_version,
        "site_key": key_set.site_key.hex(),
        "operator_key": diversify(aes, key_set.vending_key, _OPERATORS + bytes((issuer,))).hex(),
        "meters": {
            str(number): {
                "issuer_key": key_set.issuer_key(number, issuer).hex(),
                "statement_key": key_set.statement_key(number).hex(),
            }
            for number in meters
        },
    }


def _new_keys(key_version: int) -> dict:
    return _document(KeySet(key_version, os.urandom(_KEY_SIZE), os.urandom(_KEY_SIZE)))


def _document(key_set: KeySet) -> dict:
    return {
        "key_version": key_set.key_version,
        "vending_key": key_set.vending_key.hex(),
        "site_key": key_set.site_key.hex(),
    }


def _write(path: str | Path, flag: int, document: dict) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _without_keys(error: ValueError) -> str:
    """Return the reason, without a mistyped key: it must not be shown on the screen."""
    text = str(error)
    where = text.partition(":")[0]
    if where.rpartition(".")[2] in _SECRETS and "is missing" not in text:
        return f"{where}: write 32 hexadecimal digits"
    return text
