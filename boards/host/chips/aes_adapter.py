"""AES on CPython with the interface of MicroPython's `cryptolib.aes`, over the `cryptography` package.

It refuses the same arguments as cryptolib, so that code that runs on a computer also runs on the meter.
"""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

BLOCK = 16
_MODE_ECB = 1
_MODE_CBC = 2


class AesObject:
    """One key in one mode; it either encrypts or decrypts, and in CBC each call goes on where the last one ended."""

    def __init__(self, key: bytes, mode: int, iv: bytes | None = None) -> None:
        if len(key) not in (16, 32):
            raise ValueError("key")
        if mode not in (_MODE_ECB, _MODE_CBC):
            raise ValueError("mode")
        if mode == _MODE_CBC and (iv is None or len(iv) != BLOCK):
            raise ValueError("IV")
        self._cipher = Cipher(AES(bytes(key)), ECB() if iv is None or mode == _MODE_ECB else CBC(bytes(iv)))
        self._encryptor = None
        self._decryptor = None

    def encrypt(self, data: "bytes | bytearray | memoryview") -> bytes:
        """Encrypt whole blocks. Raises ValueError for part of a block, or if this object has decrypted."""
        if self._decryptor is not None:
            raise ValueError("can't encrypt & decrypt")
        if self._encryptor is None:
            self._encryptor = self._cipher.encryptor()
        return self._encryptor.update(_whole_blocks(data))

    def decrypt(self, data: "bytes | bytearray | memoryview") -> bytes:
        """Decrypt whole blocks. Raises ValueError for part of a block, or if this object has encrypted."""
        if self._encryptor is not None:
            raise ValueError("can't encrypt & decrypt")
        if self._decryptor is None:
            self._decryptor = self._cipher.decryptor()
        return self._decryptor.update(_whole_blocks(data))


def _whole_blocks(data: bytes | bytearray | memoryview) -> bytes:
    if len(data) % BLOCK:
        raise ValueError("blksize % 16")
    return bytes(data)
