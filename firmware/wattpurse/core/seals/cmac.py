"""AES-CMAC, key diversification and comparison in constant time, with the AES of the board.

`aes` is a callable like MicroPython's `cryptolib.aes`: `aes(key, mode[, iv])`, mode 1 for ECB and 2 for CBC. It returns
an object with `encrypt` and `decrypt`. Keys, blocks and tags have 16 bytes.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

BLOCK = 16
MODE_ECB = 1
MODE_CBC = 2

_DIVERSIFICATION_CONSTANT = b"\x01"
_DIVERSIFICATION_LENGTH = 32
_PADDING = b"\x80" + bytes(_DIVERSIFICATION_LENGTH)
_REDUCTION = 1 << 128 | 0x87


def cmac(aes: "Aes", key: bytes, message: bytes) -> bytes:
    """Return the 16-byte AES-128-CMAC of `message` (RFC 4493; NIST SP 800-38B)."""
    padded_length = max(BLOCK, (len(message) + BLOCK - 1) // BLOCK * BLOCK)
    return _cmac_padded(aes, key, message, padded_length)


def diversify(aes: "Aes", key: bytes, data: bytes) -> bytes:
    """Return the AES-128 key for `data` (1 to 31 bytes), derived from `key`; see `Derivation`."""
    return Derivation(aes, key).key(data)


class Derivation:
    """Keys derived from one key (NXP AN10922, section 2.2): a CMAC over two blocks.

    The constructor sets up the key once, which is most of the work. This saves time if several keys are derived.
    """

    def __init__(self, aes: "Aes", key: bytes) -> None:
        self._encrypt = aes(key, MODE_ECB).encrypt
        self._whole_subkey = double(int.from_bytes(self._encrypt(bytes(BLOCK)), "big"))
        self._padded_subkey = double(self._whole_subkey)

    def key(self, data: bytes) -> bytes:
        """Return the AES-128 key for `data`. Raise ValueError unless `data` has 1 to 31 bytes."""
        room = _DIVERSIFICATION_LENGTH - 1 - len(data)
        if not data or room < 0:
            raise ValueError("diversification data must be 1 to 31 bytes")
        blocks = _DIVERSIFICATION_CONSTANT + data
        subkey = self._whole_subkey
        if room:
            blocks += _PADDING[:room]
            subkey = self._padded_subkey
        chained = int.from_bytes(self._encrypt(blocks[:BLOCK]), "big")
        return self._encrypt((int.from_bytes(blocks[BLOCK:], "big") ^ chained ^ subkey).to_bytes(BLOCK, "big"))


def equal(left: bytes, right: bytes) -> bool:
    """Compare two byte strings in a time that depends on their lengths alone."""
    if len(left) != len(right):
        return False
    difference = 0
    for index in range(len(left)):
        difference |= left[index] ^ right[index]
    return difference == 0


def _cmac_padded(aes: "Aes", key: bytes, message: bytes, padded_length: int) -> bytes:
    """Return the CMAC of a message padded to `padded_length`. The subkey depends on the presence of padding.

    The set-up of a key costs most, so one cipher does all the work. It chains the block of zeros that gives the subkeys
    to the message. The chaining changes the first block; the same value is added to it before, so that both cancel out.
    """
    cipher = aes(key, MODE_CBC, bytes(BLOCK))
    chained = cipher.encrypt(bytes(BLOCK))
    subkey = double(int.from_bytes(chained, "big"))
    blocks = bytearray(padded_length)
    blocks[: len(message)] = message
    if len(message) < padded_length:
        blocks[len(message)] = 0x80
        subkey = double(subkey)
    add_to_block(blocks, 0, int.from_bytes(chained, "big"))
    add_to_block(blocks, padded_length - BLOCK, subkey)
    return cipher.encrypt(blocks)[-BLOCK:]


def add_to_block(blocks: bytearray, start: int, value: int) -> None:
    """Add (exclusive or) a number to the block at `start`."""
    end = start + BLOCK
    blocks[start:end] = (int.from_bytes(blocks[start:end], "big") ^ value).to_bytes(BLOCK, "big")


def double(value: int) -> int:
    """Return `value` multiplied by x in GF(2^128) (RFC 4493, section 2.3)."""
    value <<= 1
    return value ^ _REDUCTION if value >> 128 else value
