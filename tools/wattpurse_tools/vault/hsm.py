"""Vending keys in a hardware security module, by PKCS#11: they are made there, or brought in once, and never come out.

A vending key is an AES-128 key of the token with the attributes SENSITIVE and not EXTRACTABLE. It encrypts and does
nothing else. The derivation of AN10922 pads all data to two blocks, which CKM_AES_CMAC of a module does not do for
short data. So the vault chains the two blocks itself, with CKM_AES_ECB for each block. The keys of single meters, and
the site keys, which every meter has, are worked with in the vault.

It needs the package `python-pkcs11`: `pip install 'wattpurse[hsm]'`.
"""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from boards.host.chips.aes import aes as software_aes
from wattpurse.core.seals.cmac import MODE_ECB
from wattpurse_tools.vault.key_sets import RootKey

if TYPE_CHECKING:
    from wattpurse.hal import Aes

_KEY_BITS = 128


@dataclass(frozen=True)
class ModulePlace:
    """The token of a module: the library's file, the token's label, and its user PIN."""

    library: str
    token: str
    pin: str

    def document(self) -> dict:
        """Return the document of this place."""
        return {"library": self.library, "token": self.token, "pin": self.pin}


class ModuleHandle(bytes):
    """The name of a key in a module, in the place of the key's bytes."""

    key: Any

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the data, whole blocks, encrypted by the module."""
        from pkcs11 import Mechanism, PKCS11Error

        try:
            return self.key.encrypt(bytes(data), mechanism=Mechanism.AES_ECB)
        except PKCS11Error as error:
            raise OSError(f"the module with the key {self.decode()} fails ({_words_of(error)})") from None


class _ModuleCipher:
    """A key of a module in ECB mode, like an object of `cryptolib.aes`."""

    def __init__(self, handle: ModuleHandle) -> None:
        self._handle = handle

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the data encrypted."""
        return self._handle.encrypt(data)

    def decrypt(self, _data: bytes | bytearray | memoryview) -> bytes:
        """Raise ValueError: a vending key decrypts nothing."""
        raise ValueError("a vending key in a module decrypts nothing")


class Module:
    """An open session with the token at `place`. Raise ValueError, with the remedy, if it cannot be used."""

    def __init__(self, place: ModulePlace) -> None:
        try:
            import pkcs11
        except ImportError:
            raise ValueError(
                "keys in a module need the package python-pkcs11; install it with: pip install 'wattpurse[hsm]'"
            ) from None
        self._pkcs11 = pkcs11
        self.place = place
        try:
            token = pkcs11.lib(place.library).get_token(token_label=place.token)
            self._session: Any = token.open(rw=True, user_pin=place.pin)
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
            raise ValueError(
                f"{place.library}, token {place.token}: cannot be used ({_words_of(error)}); check the library's file,"
                " the token's label and its PIN"
            ) from None

    def close(self) -> None:
        """Sign off from the token."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def make_key(self, label: str) -> RootKey:
        """Make a new vending key in the token. Raise ValueError if the label is taken or the token refuses."""
        self._refuse_taken(label)
        try:
            self._session.generate_key(
                self._pkcs11.KeyType.AES, _KEY_BITS, label=label, store=True, template=self._template()
            )
        except self._pkcs11.PKCS11Error as error:
            raise ValueError(f"token {self.place.token} makes no key ({_words_of(error)})") from None
        return self.key(label)

    def bring_in(self, label: str, value: bytes) -> RootKey:
        """Put an existing vending key into the token. Raise ValueError if the label is taken or the token refuses."""
        self._refuse_taken(label)
        names = self._pkcs11.Attribute
        made = {
            names.CLASS: self._pkcs11.ObjectClass.SECRET_KEY,
            names.KEY_TYPE: self._pkcs11.KeyType.AES,
            names.TOKEN: True,
            names.LABEL: label,
            names.VALUE: value,
        }
        try:
            self._session.create_object({**made, **self._template()})
        except self._pkcs11.PKCS11Error as error:
            raise ValueError(f"token {self.place.token} takes no key ({_words_of(error)})") from None
        return self.key(label)

    def key(self, label: str) -> RootKey:
        """Return the vending key with a label. Raise ValueError if it is missing, or if the token would give it out."""
        found = self._find(label)
        if len(found) != 1:
            raise ValueError(
                f"token {self.place.token} has {len(found)} keys {label!r} and must have one; put the token of this"
                " vault in, or restore it from its own backup"
            )
        names = self._pkcs11.Attribute
        if found[0][names.EXTRACTABLE] or not found[0][names.SENSITIVE]:
            raise ValueError(f"token {self.place.token} would give the key {label!r} out; it is no vending key")
        handle = ModuleHandle(label.encode())
        handle.key = found[0]
        return RootKey(cast("Aes", _aes), handle, label)

    def _find(self, label: str) -> list[Any]:
        names = self._pkcs11.Attribute
        wanted = {names.CLASS: self._pkcs11.ObjectClass.SECRET_KEY, names.LABEL: label}
        return list(self._session.get_objects(wanted))

    def _refuse_taken(self, label: str) -> None:
        if self._find(label):
            raise ValueError(f"token {self.place.token} has a key {label!r} already, and it is not overwritten")

    def _template(self) -> dict[Any, Any]:
        names = self._pkcs11.Attribute
        return {
            names.SENSITIVE: True,
            names.EXTRACTABLE: False,
            names.PRIVATE: True,
            names.ENCRYPT: True,
            names.DECRYPT: False,
            names.SIGN: False,
            names.VERIFY: False,
            names.WRAP: False,
            names.UNWRAP: False,
            names.DERIVE: False,
        }


def module_label(key_version: int) -> str:
    """Return a new label of a vending key in a module."""
    return f"wattpurse {key_version} {secrets.token_hex(4)}"


def _aes(key: bytes, mode: int, *rest: bytes) -> object:
    """Return the cipher of a key in a module, or of a key's bytes: derived keys are worked with in the vault."""
    if not isinstance(key, ModuleHandle):
        return software_aes(key, mode, *rest)
    if mode != MODE_ECB:
        raise ValueError("a vending key in a module encrypts single blocks")
    return _ModuleCipher(key)


def _words_of(error: Exception) -> str:
    return str(error) or type(error).__name__
