"""The file of a backup: a line with its manifest as JSON, then the database, compressed and, if asked for, sealed.

    {"format": 1, "made_s": ..., "vendor": "sqlite" or "postgresql", "schema_version": ..., "fingerprint": of the keys,
     "size": bytes of the database, "sha256": its hash, "scrypt": null or {n, r, p, salt}}

A sealed database is a row of chunks under AES-256-GCM. The nonce of a chunk has its number and the mark of the last
one, so a chunk cannot be left out, moved or cut off. The manifest is authenticated with each chunk.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from wattpurse_tools import private_files

FORMAT = 1
PASSPHRASE_SIZE = 12

_CHUNK = 1 << 20
_TAG = 16
_HEAD_LIMIT = 1 << 16
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 1}
_LIMITS = {"n": 1 << 19, "r": 16, "p": 8}


@dataclass(frozen=True)
class Manifest:
    """The facts of a backup. `scrypt` has the parameters and the salt of its passphrase, or is None."""

    made_s: int
    vendor: str
    schema_version: int
    fingerprint: str
    size: int
    sha256: str
    scrypt: dict | None = None

    def line(self) -> bytes:
        """Return the first line of the file."""
        return json.dumps({"format": FORMAT} | asdict(self), sort_keys=True).encode() + b"\n"


def measure(database: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with open(database, "rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
            size += len(data)
    return size, digest.hexdigest()


def new_scrypt(passphrase: str) -> dict:
    """Return the parameters of a passphrase, with a new salt. Raise ValueError for one that is too short."""
    if len(passphrase) < PASSPHRASE_SIZE:
        raise ValueError(f"the passphrase of a backup has at least {PASSPHRASE_SIZE} characters; take some words")
    return _SCRYPT | {"salt": os.urandom(16).hex()}


def write(path: Path, manifest: Manifest, database: Path, passphrase: str | None) -> None:
    """Write a backup for its owner alone. It is whole, and on the disk, or it is not there."""
    part = path.with_name(path.name + ".part")
    with suppress(FileNotFoundError):
        part.unlink()
    descriptor = private_files.open_new(part)
    try:
        with os.fdopen(descriptor, "wb") as file, open(database, "rb") as source:
            head = manifest.line()
            file.write(head)
            chunks = _compressed(source)
            for chunk in chunks if passphrase is None else _sealed(chunks, head, _key(manifest.scrypt, passphrase)):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    private_files.sync_folder(path.parent)


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of a backup. Raise ValueError if the file is none."""
    with _open(path) as file:
        return _read_head(file, path)[0]


def unpack(path: Path, database: Path, passphrase: str | None) -> Manifest:
    """Write the database of a backup to a new file, for its owner alone. Return the manifest.

    Raise ValueError if the backup is broken or changed, or the passphrase is wrong. Then the new file has gone.
    """
    with _open(path) as file:
        manifest, head = _read_head(file, path)
        if manifest.scrypt is not None and passphrase is None:
            raise ValueError(f"{path}: this backup is sealed; give its passphrase in WATTPURSE_BACKUP_PASSPHRASE")
        descriptor = private_files.open_new(database)
        try:
            with os.fdopen(descriptor, "wb") as target:
                opened = _plain(file)
                if manifest.scrypt is not None:
                    opened = _opened(file, head, _key(manifest.scrypt, passphrase or ""), path)
                _expand(opened, target, manifest, path)
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            database.unlink()
            raise
    return manifest


def _open(path: Path) -> BinaryIO:
    if not path.is_file():
        raise ValueError(f"{path}: there is no such backup")
    return open(path, "rb")


def _read_head(file: BinaryIO, path: Path) -> tuple[Manifest, bytes]:
    head = file.readline(_HEAD_LIMIT)
    try:
        values = json.loads(head)
        form = values.pop("format")
        if form != FORMAT:
            raise ValueError(f"{path}: is of format {form}, and this program knows {FORMAT}: use a newer program")
        manifest = Manifest(**values)
        if manifest.scrypt is not None:
            plausible = all(1 <= manifest.scrypt[name] <= limit for name, limit in _LIMITS.items())
            if not plausible or len(bytes.fromhex(manifest.scrypt["salt"])) != 16:
                raise TypeError
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError, KeyError, TypeError, RecursionError):
        raise ValueError(f"{path}: is not a backup of an office") from None
    return manifest, head


def _compressed(source: BinaryIO) -> Iterator[bytes]:
    """Yield the compressed file in chunks of one size, and a last one that is shorter and may be empty."""
    packer, waiting = zlib.compressobj(6), bytearray()
    while data := source.read(_CHUNK):
        waiting += packer.compress(data)
        while len(waiting) >= _CHUNK:
            yield bytes(waiting[:_CHUNK])
            del waiting[:_CHUNK]
    waiting += packer.flush()
    while len(waiting) >= _CHUNK:
        yield bytes(waiting[:_CHUNK])
        del waiting[:_CHUNK]
    yield bytes(waiting)


def _sealed(chunks: Iterator[bytes], head: bytes, key: bytes) -> Iterator[bytes]:
    cipher = AESGCM(key)
    for number, chunk in enumerate(chunks):
        yield cipher.encrypt(_nonce(number, len(chunk) < _CHUNK), chunk, head)


def _opened(file: BinaryIO, head: bytes, key: bytes, path: Path) -> Iterator[bytes]:
    cipher, number, is_last = AESGCM(key), 0, False
    while not is_last:
        sealed = file.read(_CHUNK + _TAG)
        is_last = len(sealed) < _CHUNK + _TAG
        try:
            yield cipher.decrypt(_nonce(number, is_last), sealed, head)
        except InvalidTag:
            raise ValueError(f"{path}: the passphrase is wrong, or the backup was changed or cut off") from None
        number += 1


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(_CHUNK):
        yield data


def _expand(chunks: Iterator[bytes], target: BinaryIO, manifest: Manifest, path: Path) -> None:
    """Write the database. Raise ValueError unless it has the size and the hash of the manifest."""
    unpacker, digest, size = zlib.decompressobj(), hashlib.sha256(), 0
    try:
        for chunk in chunks:
            while chunk and size <= manifest.size:
                data = unpacker.decompress(chunk, _CHUNK)
                chunk = unpacker.unconsumed_tail
                digest.update(data)
                size += len(data)
                target.write(data)
        data = unpacker.flush()
    except zlib.error:
        raise ValueError(f"{path}: the backup is broken; use another one") from None
    digest.update(data)
    target.write(data)
    if size + len(data) != manifest.size or digest.hexdigest() != manifest.sha256:
        raise ValueError(f"{path}: the database in the backup is not that of its manifest; use another backup")


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((is_last,))


def _key(scrypt: dict | None, passphrase: str) -> bytes:
    if scrypt is None:
        raise ValueError("a sealed backup has the parameters of its passphrase")
    salt = bytes.fromhex(scrypt["salt"])
    return Scrypt(salt=salt, length=32, n=scrypt["n"], r=scrypt["r"], p=scrypt["p"]).derive(passphrase.encode())
