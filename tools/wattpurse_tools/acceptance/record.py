"""The record of an acceptance, signed with the builder's Ed25519 key.

The record is a JSON document. `signature` is over all other fields, sorted and without spaces, behind a fixed text. The
signature proves that the holder of the key signed these answers for this board, and that nobody changed them since. It
does not prove that the answers are true, or the time: both are the builder's word.

The key file is a private key in PEM, which only its owner can read. The public key is 64 hexadecimal digits.
"""

import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wattpurse_tools import private_files

FORMAT = 1

_CONTEXT = b"wattpurse acceptance 1\n"
_KEY_FIELD = "public_key"
_SIGNATURE_FIELD = "signature"


def make_key(path: Path) -> str:
    """Write a new key file and return its public key. Raise ValueError if the file exists."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private_files.create(path, pem)
    return public_of(key)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the key of a key file. Raise ValueError with the remedy if there is none."""
    if not path.exists():
        raise ValueError(f"{path}: there is no such key; make one with: wattpurse acceptance-key {path}")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path}: is not a key of 'wattpurse acceptance-key'") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: is a key of another kind; make one with: wattpurse acceptance-key FILE")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """Return the public key as hexadecimal digits."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()


def sign(facts: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the facts with format, public key and signature."""
    document = {"format": FORMAT, **facts, _KEY_FIELD: public_of(key)}
    return {**document, _SIGNATURE_FIELD: key.sign(_signed_bytes(document)).hex()}


def save(path: Path, document: dict[str, Any]) -> None:
    """Write a record. Raise ValueError if the file exists: a record is never replaced."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=2) + "\n")
    except FileExistsError:
        raise ValueError(f"{path} exists; a record is kept: move it away, or name another file") from None


def load(path: Path, public_key: str) -> dict[str, Any]:
    """Return a record that holds under the public key. Raise ValueError with the reason if it does not."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        form, signature = document["format"], bytes.fromhex(document[_SIGNATURE_FIELD])
        signer = document[_KEY_FIELD]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: is not a record of 'wattpurse acceptance'") from error
    if form != FORMAT:
        raise ValueError(f"{path}: is of format {form}, and this program knows format {FORMAT}")
    try:
        expected = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    except ValueError as error:
        raise ValueError("a public key is 64 hexadecimal digits; 'wattpurse acceptance-key' prints it") from error
    if signer != public_key.lower():
        raise ValueError(f"{path}: is signed with another key, {signer}")
    try:
        expected.verify(signature, _signed_bytes(document))
    except InvalidSignature:
        raise ValueError(f"{path}: was changed after it was signed") from None
    return document


def _signed_bytes(document: dict[str, Any]) -> bytes:
    """Return the bytes under the signature."""
    signed = {name: value for name, value in document.items() if name != _SIGNATURE_FIELD}
    return _CONTEXT + json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
