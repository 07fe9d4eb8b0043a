"""The key file of a site: a JSON document with the two keys that everything is derived from (see wattpurse.core.keys).

    {"key_version": 1, "vending_key": 32 hexadecimal digits, "site_key": 32 hexadecimal digits}

Whoever has the vending key can make credit for every meter of the site.
"""

import json
import os
from pathlib import Path

from boards.host.aes import aes
from wattpurse.core import keys
from wattpurse.core.cmac import diversify
from wattpurse_tools.document import Section, integer, matching

KEY_VERSION_LIMIT = 255

_KEY_SIZE = 16
_key_text = matching(r"[0-9a-fA-F]{32}", "write 32 hexadecimal digits")


class SiteKeys:
    """The keys of one site: `vending_key`, `site_key` (16 bytes each) and `key_version`."""

    def __init__(self, vending_key: bytes, site_key: bytes, key_version: int):
        self.vending_key = vending_key
        self.site_key = site_key
        self.key_version = key_version

    def meter_key(self, meter_number: int) -> bytes:
        """The key that the station shares with one meter."""
        return keys.meter_key(aes, self.vending_key, meter_number)

    def fingerprint(self) -> str:
        """Tells one key file from another and nothing about the keys in it."""
        return diversify(aes, self.vending_key, b"fingerprint" + self.site_key).hex()


def load(path: str | Path) -> SiteKeys:
    """The keys in a key file. Raises ValueError, which says what to do, where there is none or it is not valid."""
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such key file; make one with: wattpurse keys new {path}")
    try:
        document = Section(json.loads(path.read_text(encoding="utf-8")), "")
        site_keys = SiteKeys(
            bytes.fromhex(document.take("vending_key", _key_text)[0]),
            bytes.fromhex(document.take("site_key", _key_text)[0]),
            document.take("key_version", integer(0, KEY_VERSION_LIMIT)),
        )
        document.finish()
    except ValueError as error:
        raise ValueError(f"{path}: not a key file: {_without_keys(error)}") from error
    return site_keys


def make(path: str | Path, key_version: int = 1):
    """Write a new key file that only its owner can read. Raises ValueError rather than overwrite one."""
    document = {
        "key_version": integer(0, KEY_VERSION_LIMIT)(key_version, "--key-version"),
        "vending_key": os.urandom(_KEY_SIZE).hex(),
        "site_key": os.urandom(_KEY_SIZE).hex(),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ValueError(f"{path} exists and is not overwritten: a site's credit hangs on its keys") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _without_keys(error):
    """What is wrong, without repeating a mistyped key on the screen."""
    text = str(error)
    where = text.partition(":")[0]
    if where in ("vending_key", "site_key") and "is missing" not in text:
        return f"{where}: write 32 hexadecimal digits"
    return text
