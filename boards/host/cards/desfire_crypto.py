"""The cryptography of a DESFire card, written from the data sheets and apart from the firmware that it tests.

CMAC: NIST SP 800-38B. CRC32: MF3ICD81 data sheet, section 8.3 (the CRC of ISO 3309 without its final inversion).
"""

from binascii import crc32 as _crc32

from boards.host.chips.aes import aes

BLOCK = 16
_ECB = 1
_CBC = 2


def encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Encrypt whole blocks in CBC."""
    return aes(key, _CBC, iv).encrypt(data)


def decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Decrypt whole blocks in CBC."""
    return aes(key, _CBC, iv).decrypt(data)


def cmac(key: bytes, iv: bytes, message: bytes) -> bytes:
    """Return the CMAC, 16 bytes, with `iv` in place of zeros."""
    whole = _shifted(aes(key, _ECB).encrypt(bytes(BLOCK)))
    subkey = whole
    if not message or len(message) % BLOCK:
        subkey = _shifted(whole)
        message = message + b"\x80" + bytes(-(len(message) + 1) % BLOCK)
    last = bytes([message[len(message) - BLOCK + place] ^ subkey[place] for place in range(BLOCK)])
    return encrypt(key, iv, message[:-BLOCK] + last)[-BLOCK:]


def crc32(data: bytes) -> bytes:
    """Return the checksum of enciphered data, low byte first."""
    return ((_crc32(data) & 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "little")


def padded(data: bytes) -> bytes:
    """Return `data` with zeros to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def _shifted(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number ^= 1 << 128 | 0x87
    return number.to_bytes(BLOCK, "big")
