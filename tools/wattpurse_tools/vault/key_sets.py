"""The keys of one site in all versions, as the vault holds them, and their documents (see wattpurse.core.seals.keys).

The office has a vending key and a site key of each version. A vending key makes credit for every meter that uses its
version. It is in the document, or it is a key in a hardware module that never gives it out (see `hsm`):

    {"key_version": 1, "vending_key": 32 hex digits, "site_key": 32 hex digits}
    {"key_version": 2, "module_key": label in the module, "site_key": 32 hex digits}

A vending point has the keys of one issuer for some meters, and no vending key:

    {"key_version": 1, "site_key": ..., "operator_key": ...,
        "meters": {"1001": {"issuer_key": ..., "statement_key": ...}}}

Key files of formats 1, 2 and 3 hold such documents: format 1 one set of the office, format 2 all sets of the office,
and format 3 the sets of a vending point, with its `issuer`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from boards.host.chips.aes import aes as software_aes
from wattpurse.core.money.token_windows import ISSUERS, OFFICE
from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import diversify
from wattpurse.core.seals.sealing import KeyPair
from wattpurse_tools.tariffs.fields import Section, each, integer, matching
from wattpurse_tools.vault.interface import Refused

if TYPE_CHECKING:
    from wattpurse.hal import Aes

KEY_SIZE = 16
KEY_VERSION_LIMIT = 255
VENDING_POINT_FORMAT = 3

_FORMATS = (1, 2, VENDING_POINT_FORMAT)
_OPERATORS = b"operators"
_FINGERPRINT = b"fingerprint"
_VERSION_FINGERPRINT = b"key version"
_SECRETS = ("vending_key", "site_key", "operator_key", "issuer_key", "statement_key")
_key_text = matching(r"[0-9a-fA-F]{32}", "write 32 hexadecimal digits")
_label = matching(r"[ -~]{1,64}", "write a label of 1 to 64 letters")
_version = integer(0, KEY_VERSION_LIMIT)


class RootKey:
    """A key from which others are derived. `label` names the key in a module, or is None for a key in the document.

    `aes` encrypts under `handle`, which the derivations of core.seals take in place of the bytes of the key.
    """

    def __init__(self, aes: "Aes", handle: bytes, label: str | None = None) -> None:
        self.aes = aes
        self.handle = handle
        self.label = label

    def diversify(self, data: bytes) -> bytes:
        """Return the key for `data` (1 to 31 bytes)."""
        return diversify(self.aes, self.handle, data)


# Finds the key with a label in a module.
FindKey = Callable[[str], RootKey]


class OfficeKeys:
    """One version of the office's keys: the root vending key, and `site_key` (16 bytes)."""

    def __init__(self, key_version: int, vending_key: RootKey, site_key: bytes) -> None:
        self.key_version = key_version
        self.site_key = site_key
        self.operator_key = vending_key

    def meter_key(self, meter_number: int) -> bytes:
        """Return the key that the office shares with one meter."""
        return keys.meter_key(self.operator_key.aes, self.operator_key.handle, meter_number)

    def issuer_key(self, meter_number: int, issuer: int) -> bytes:
        """Return the key under which an issuer seals the tokens of one meter."""
        return keys.issuer_key(software_aes, self.meter_key(meter_number), issuer)

    def statement_key(self, meter_number: int) -> bytes:
        """Return the key from which the statement keys of one meter are derived."""
        return keys.statement_key(software_aes, self.meter_key(meter_number))

    def document(self) -> dict:
        """Return the document of these keys."""
        root = self.operator_key
        own = {"vending_key": root.handle.hex()} if root.label is None else {"module_key": root.label}
        return {"key_version": self.key_version, **own, "site_key": self.site_key.hex()}

    def of_vending_point(self, issuer: int, meters: Sequence[int]) -> dict:
        """Return the document of a vending point's keys of this version."""
        return {
            "key_version": self.key_version,
            "site_key": self.site_key.hex(),
            "operator_key": self.operator_key.diversify(_OPERATORS + bytes((issuer,))).hex(),
            "meters": {
                str(number): {
                    "issuer_key": self.issuer_key(number, issuer).hex(),
                    "statement_key": self.statement_key(number).hex(),
                }
                for number in meters
            },
        }


class VendingPointKeys:
    """One version of a vending point's keys. `meters` has `(issuer key, statement key)` by meter number."""

    def __init__(
        self, key_version: int, site_key: bytes, operator_key: RootKey, meters: Mapping[int, tuple[bytes, bytes]]
    ) -> None:
        self.key_version = key_version
        self.site_key = site_key
        self.operator_key = operator_key
        self._meters = meters

    def meter_key(self, _meter_number: int) -> bytes:
        """Raise Refused: the office alone has the keys of meters."""
        raise Refused("this is the vault of a vending point; the keys of a meter are in the office's vault")

    def issuer_key(self, meter_number: int, _issuer: int) -> bytes:
        """Return the key under which this vending point seals. Raise Refused for a meter that it does not serve."""
        return self._of(meter_number)[0]

    def statement_key(self, meter_number: int) -> bytes:
        """Return the key of the statements of a meter. Raise Refused for a meter that it does not serve."""
        return self._of(meter_number)[1]

    def document(self) -> dict:
        """Return the document of these keys."""
        return {
            "key_version": self.key_version,
            "site_key": self.site_key.hex(),
            "operator_key": self.operator_key.handle.hex(),
            "meters": {
                str(number): {"issuer_key": issuer_key.hex(), "statement_key": statement_key.hex()}
                for number, (issuer_key, statement_key) in self._meters.items()
            },
        }

    def _of(self, meter_number: int) -> tuple[bytes, bytes]:
        if meter_number not in self._meters:
            raise Refused(
                f"this vending point has no keys of version {self.key_version} for meter {meter_number}; ask the office"
                " for a new key file"
            )
        return self._meters[meter_number]


AnyKeys = OfficeKeys | VendingPointKeys


class KeyRing:
    """The keys of one site: `sets` of all versions, the oldest first, and the `issuer` that they seal for."""

    def __init__(self, sets: Sequence[AnyKeys], issuer: int) -> None:
        self.sets = tuple(sets)
        self.issuer = issuer

    @property
    def versions(self) -> tuple[int, ...]:
        """The key versions, rising."""
        return tuple(one.key_version for one in self.sets)

    @property
    def newest(self) -> AnyKeys:
        """The newest keys."""
        return self.sets[-1]

    @property
    def newest_first(self) -> tuple[AnyKeys, ...]:
        """The keys of all versions, the newest first."""
        return self.sets[::-1]

    def of(self, key_version: int) -> AnyKeys:
        """Return the keys of one version. Raise Refused if there are none."""
        for one in self.sets:
            if one.key_version == key_version:
                return one
        raise Refused(f"the vault has no keys of version {key_version}; it has {_list_of(self.versions)}")

    def of_office(self) -> list[OfficeKeys]:
        """Return the office's keys, the oldest first. Raise Refused in the vault of a vending point."""
        office = [one for one in self.sets if isinstance(one, OfficeKeys)]
        if not office:
            raise Refused("this is the vault of a vending point; only the office makes keys")
        return office

    def token_keys(self, meter_number: int, key_version: int) -> KeyPair:
        """Return the keys that seal the tokens of this issuer for one meter."""
        return keys.token_keys(software_aes, self.of(key_version).issuer_key(meter_number, self.issuer))

    def short_token_keys(self, meter_number: int, key_version: int) -> KeyPair:
        """Return the keys of the digits of this issuer for one meter."""
        return keys.short_token_keys(software_aes, self.of(key_version).issuer_key(meter_number, self.issuer))

    def fingerprint(self) -> str:
        """Return a text that identifies the site and reveals no key. Later versions do not change it."""
        first = self.sets[0]
        return first.operator_key.diversify(_FINGERPRINT + first.site_key).hex()

    def fingerprints(self) -> dict[int, str]:
        """Return a text for each version that identifies its keys and reveals none."""
        return {one.key_version: fingerprint_of(one) for one in self.sets}

    def vending_point(self, issuer: int, meters: Sequence[int]) -> dict:
        """Return the key document of a vending point."""
        sets = [one.of_vending_point(issuer, meters) for one in self.of_office()]
        return {"format": VENDING_POINT_FORMAT, "issuer": issuer, "keys": sets}

    def with_next(self, one: OfficeKeys) -> "KeyRing":
        """Return these keys and a further version."""
        return KeyRing([*self.sets, one], self.issuer)

    def document(self) -> dict:
        """Return the document of these keys."""
        return {"issuer": self.issuer, "keys": [one.document() for one in self.sets]}


def fingerprint_of(one: AnyKeys) -> str:
    """Return a text that identifies the keys of one version."""
    return one.operator_key.diversify(_VERSION_FINGERPRINT + one.site_key).hex()


def software_root(key: bytes) -> RootKey:
    """Return the root key with these bytes."""
    return RootKey(software_aes, key)


def new_keys(key_version: int) -> OfficeKeys:
    """Return new keys of the office, in software."""
    return OfficeKeys(key_version, software_root(os.urandom(KEY_SIZE)), os.urandom(KEY_SIZE))


def read_key_file(values: object) -> KeyRing:
    """Return the keys of a key file of format 1, 2 or 3. Raise ValueError, which names no key, if it is none."""
    try:
        return _read_key_file(values)
    except ValueError as error:
        raise ValueError(without_keys(error)) from None


def _read_key_file(values: object) -> KeyRing:
    form = values.get("format", 1) if isinstance(values, dict) else 1
    if form not in _FORMATS:
        raise ValueError(
            f"it is of format {form}, and this program knows formats {_list_of(_FORMATS)}: use a newer program"
        )
    if form == 1:
        plain = {name: value for name, value in values.items() if name != "format"} if isinstance(values, dict) else {}
        return KeyRing([_read_office(plain, "", _no_module)], OFFICE)
    rest = {name: value for name, value in cast(dict, values).items() if name != "format"}
    return read_keys({"issuer": OFFICE} | rest, _no_module)


def read_keys(values: object, find_key: FindKey) -> KeyRing:
    """Return the keys of the document that `KeyRing.document` made. Raise ValueError if it is none."""
    document = Section(values, "")
    issuer = document.take("issuer", integer(0, ISSUERS - 1))

    def read(value: object, where: str) -> AnyKeys:
        return _read_office(value, where, find_key) if issuer == OFFICE else _read_vending_point(value, where)

    sets = document.take("keys", each(read, 1, KEY_VERSION_LIMIT + 1))
    document.finish()
    versions = [one.key_version for one in sets]
    if versions != sorted(set(versions)):
        raise ValueError("keys: the versions must go up")
    return KeyRing(sets, issuer)


def without_keys(error: ValueError) -> str:
    """Return the reason, without a mistyped key: it must not be shown on the screen."""
    words = str(error)
    where = words.partition(":")[0]
    if where.rpartition(".")[2] in _SECRETS and "is missing" not in words:
        return f"{where}: write 32 hexadecimal digits"
    return words


def _no_module(label: str) -> RootKey:
    raise ValueError(f"module_key: {label} is in a hardware module, and this document names none")


def _read_office(values: object, where: str, find_key: FindKey) -> OfficeKeys:
    document = Section(values, where)
    key_version = document.take("key_version", _version)
    if isinstance(values, dict) and "module_key" in values:
        root = find_key(document.take("module_key", _label)[0])
    else:
        root = software_root(_take_key(document, "vending_key"))
    site_key = _take_key(document, "site_key")
    document.finish()
    return OfficeKeys(key_version, root, site_key)


def _read_vending_point(values: object, where: str) -> VendingPointKeys:
    document = Section(values, where)
    key_version = document.take("key_version", _version)
    site_key, operator_key = (_take_key(document, name) for name in ("site_key", "operator_key"))
    meters = document.take("meters", _read_meters)
    document.finish()
    return VendingPointKeys(key_version, site_key, software_root(operator_key), meters)


def _read_meters(values: object, where: str) -> dict[int, tuple[bytes, bytes]]:
    if not isinstance(values, dict) or not all(name.isdigit() for name in values):
        raise ValueError(f"{where}: name each meter by its number")
    meters = {}
    for name, own in values.items():
        document = Section(own, f"{where}.{name}")
        meters[int(name)] = (_take_key(document, "issuer_key"), _take_key(document, "statement_key"))
        document.finish()
    return meters


def _take_key(document: Section, name: str) -> bytes:
    return bytes.fromhex(document.take(name, _key_text)[0])


def _list_of(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
