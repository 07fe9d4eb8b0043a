"""The key file of a site: a JSON document with the root keys (see wattpurse.core.seals.keys).

    {"format": 2, "keys": [{"key_version": 1, "vending_key": 32 hexadecimal digits, "site_key": the same}, ...]}

Versions rise. The last one is the newest. Older ones are kept for meters and cards that do not have the newest yet.
A document of format 1 is one such set of keys. A vending key makes credit for every meter that uses its version.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

from boards.host.chips.aes import aes
from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import diversify
from wattpurse_tools.tariffs.fields import Section, each, integer, matching

KEY_VERSION_LIMIT = 255
FORMAT = 2

_KEY_SIZE = 16
_SECRETS = ("vending_key", "site_key")
_key_text = matching(r"[0-9a-fA-F]{32}", "write 32 hexadecimal digits")
_version = integer(0, KEY_VERSION_LIMIT)


class KeySet:
    """One version of a site's keys: `key_version`, `vending_key`, `site_key` (16 bytes each)."""

    def __init__(self, key_version: int, vending_key: bytes, site_key: bytes) -> None:
        self.key_version = key_version
        self.vending_key = vending_key
        self.site_key = site_key


class SiteKeys:
    """The keys of one site in all versions. `key_version`, `vending_key` and `site_key` are the newest."""

    def __init__(self, key_sets: list[KeySet]) -> None:
        self.newest_first = key_sets[::-1]
        self.key_version = key_sets[-1].key_version
        self.vending_key = key_sets[-1].vending_key
        self.site_key = key_sets[-1].site_key

    def version(self, key_version: int) -> KeySet:
        """Return the keys of one version. Raise ValueError if they are not in this key file."""
        for key_set in self.newest_first:
            if key_set.key_version == key_version:
                return key_set
        raise ValueError(f"the keys of version {key_version} are not in this key file; use the newest copy of it")

    def meter_key(self, meter_number: int, key_version: int | None = None) -> bytes:
        """Return the key that the station shares with one meter, of a version or of the newest."""
        key_set = self.newest_first[0] if key_version is None else self.version(key_version)
        return keys.meter_key(aes, key_set.vending_key, meter_number)

    def meter_keys(self, meter_number: int) -> list[tuple[int, bytes]]:
        """Return `(version, key)` of one meter in all versions, the newest first."""
        return [
            (key_set.key_version, keys.meter_key(aes, key_set.vending_key, meter_number))
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
        return diversify(aes, first.vending_key, b"fingerprint" + first.site_key).hex()


def load(path: str | Path) -> SiteKeys:
    """Return the keys in a key file. Raise ValueError, with the remedy, if it is missing or broken."""
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such key file; make one with: wattpurse keys new {path}")
    try:
        key_sets = _read(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: not a key file: {_without_keys(error)}") from error
    return SiteKeys(key_sets)


def make(path: str | Path, key_version: int = 1) -> None:
    """Write a new key file that only its owner can read. Raise ValueError if the file exists."""
    document = {"format": FORMAT, "keys": [_new_keys(_version(key_version, "--key-version"))]}
    try:
        _write(path, os.O_EXCL, document)
    except FileExistsError:
        raise ValueError(f"{path} exists and is not overwritten: without its keys a site's credit is lost") from None


def roll(path: str | Path) -> int:
    """Add the next version to a key file and return it. The file is whole at any moment. Raise ValueError after 255."""
    path = Path(path)
    site_keys = load(path)
    key_version = site_keys.key_version + 1
    if key_version > KEY_VERSION_LIMIT:
        raise ValueError(f"{path}: version {KEY_VERSION_LIMIT} is the last possible one")
    documents = [_document(key_set) for key_set in site_keys.newest_first[::-1]]
    temporary = path.with_name(path.name + ".part")
    _write(temporary, os.O_TRUNC, {"format": FORMAT, "keys": [*documents, _new_keys(key_version)]})
    os.replace(temporary, path)
    return key_version


def _read(values: object) -> list[KeySet]:
    form = values.get("format", 1) if isinstance(values, dict) else 1
    if form == 1:
        return [_read_keys(values, "", integer(1, 1))]
    if form != FORMAT:
        raise ValueError(f"it is of format {form}, and this program knows formats 1 and {FORMAT}: use a newer program")
    document = Section(values, "")
    document.take("format", integer(FORMAT, FORMAT))
    key_sets = document.take("keys", each(_read_keys, 1, KEY_VERSION_LIMIT + 1))
    document.finish()
    versions = [key_set.key_version for key_set in key_sets]
    if versions != sorted(set(versions)):
        raise ValueError("keys: the versions must go up")
    return key_sets


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
