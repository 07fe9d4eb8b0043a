"""MIFARE Classic 1K (MF1S50): sixteen sectors, each with two keys and with access bits that the model enforces.

The cipher itself is not modelled: the reader's proof is its key and the four UID bytes, in the clear. The commands of
value blocks (increment, decrement, restore, transfer) are refused. Clause numbers are of the MF1S50YYX data sheet.
"""

from boards.host.cards import iso14443a

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import Answer


SIZE = 1024
TRANSPORT_KEY = b"\xff" * 6
_TRANSPORT_TRAILER = TRANSPORT_KEY + b"\xff\x07\x80\x69" + TRANSPORT_KEY

_AUTHENTICATE_A = 0x60
_AUTHENTICATE_B = 0x61
_READ = 0x30
_WRITE = 0xA0
_PROGRAMMING_US = 3300

KEY_A = 1
KEY_B = 2
_EITHER = KEY_A | KEY_B
# The keys that may do each operation, by access condition C1 C2 C3 (clauses 8.7.2 and 8.7.3).
_DATA_READ = (_EITHER, _EITHER, _EITHER, KEY_B, _EITHER, KEY_B, _EITHER, 0)
_DATA_WRITE = (_EITHER, 0, 0, KEY_B, KEY_B, 0, KEY_B, 0)
_WRITE_KEYS = (KEY_A, KEY_A, 0, KEY_B, KEY_B, 0, 0, 0)
_READ_ACCESS_BITS = (KEY_A, KEY_A, KEY_A, _EITHER, _EITHER, _EITHER, _EITHER, _EITHER)
_WRITE_ACCESS_BITS = (0, KEY_A, 0, KEY_B, 0, KEY_B, 0, 0)
_KEY_B_READABLE = (0, 1, 2)


class ClassicCard(iso14443a.Card):
    """A Classic 1K with a UID of 4 or 7 bytes. Without `memory` it is in transport state."""

    def __init__(self, uid: bytes, memory: bytes | None = None, seed: int = 1) -> None:
        atqa = b"\x04\x00" if len(uid) == 4 else b"\x44\x00"
        content = bytearray(memory) if memory is not None else _transport_memory(uid, atqa)
        if len(content) != SIZE:
            raise ValueError("a Classic 1K has 1024 bytes")
        super().__init__("classic-1k", uid, atqa, 0x08, content, seed)
        self._challenge: tuple[int, int] | None = None  # key and sector
        self._key = 0
        self._sector = 0
        self._block: int | None = None

    def fall_back(self) -> None:
        super().fall_back()
        self._challenge = None
        self._block = None

    def expects_proof(self) -> bool:
        return self._challenge is not None

    def prove(self, data: bytes) -> "Answer":
        """Check `data`, the key and the four UID bytes of the reader. The card ignores wrong ones."""
        if self._challenge is None:
            return self.fall_back()
        key, sector = self._challenge
        trailer = self._trailer(sector)
        secret = trailer[0:6] if key == KEY_A else trailer[10:16]
        if data != secret + self.uid[-4:] or self._conditions(sector) is None:
            return self.fall_back()
        self._challenge = None
        self._key = key
        self._sector = sector
        self.session = object()
        return b"\x5a\xa5\x5a\xa5", 32, 0

    def command(self, data: bytes) -> "Answer":
        if self._block is not None:
            return self._second_step(self._block, data)
        if len(data) != 2 or data[1] >= 64:
            return self.fall_back()
        code, block = data[0], data[1]
        if code in (_AUTHENTICATE_A, _AUTHENTICATE_B):
            self._challenge = (KEY_A if code == _AUTHENTICATE_A else KEY_B, block // 4)
            return b"\x01\x20\x01\x45", 32, 0
        if self.session is None:
            return self.fall_back()
        if code == _READ and block // 4 == self._sector:
            return self._read(block)
        if code == _WRITE and block // 4 == self._sector and self._may_write(block):
            self._block = block
            return self.acknowledge()
        return self.refuse(iso14443a.NAK_OPERATION)

    def _second_step(self, block: int, data: bytes) -> "Answer":
        self._block = None
        if len(data) != 16:
            return self.refuse(iso14443a.NAK_CRC)
        self.program(block * 16, self._permitted(block, data), _PROGRAMMING_US)
        return self.acknowledge(_PROGRAMMING_US)

    def _read(self, block: int) -> "Answer":
        condition = self._condition(block % 4)
        data = bytes(self.memory[block * 16 : block * 16 + 16])
        if block % 4 == 3:
            if not _READ_ACCESS_BITS[condition] & self._usable_key():
                return self.refuse(iso14443a.NAK_OPERATION)
            key_b = data[10:] if condition in _KEY_B_READABLE else bytes(6)
            return self.answer(bytes(6) + data[6:10] + key_b)
        if not _DATA_READ[condition] & self._usable_key():
            return self.refuse(iso14443a.NAK_OPERATION)
        return self.answer(data)

    def _may_write(self, block: int) -> bool:
        condition = self._condition(block % 4)
        if block == 0:
            return False
        if block % 4 == 3:
            return bool((_WRITE_KEYS[condition] | _WRITE_ACCESS_BITS[condition]) & self._usable_key())
        return bool(_DATA_WRITE[condition] & self._usable_key())

    def _permitted(self, block: int, data: bytes) -> bytes:
        """Return a new sector trailer with only those parts changed that this key may write."""
        if block % 4 != 3:
            return data
        condition = self._condition(3)
        old = bytes(self.memory[block * 16 : block * 16 + 16])
        keys = data if _WRITE_KEYS[condition] & self._key else old
        bits = data if _WRITE_ACCESS_BITS[condition] & self._key else old
        return keys[:6] + bits[6:10] + keys[10:]

    def _usable_key(self) -> int:
        """Return the key, or 0 for a readable key B, which is data and gives no access (clause 8.7.3, note)."""
        if self._key == KEY_B and self._condition(3) in _KEY_B_READABLE:
            return 0
        return self._key

    def _trailer(self, sector: int) -> bytes:
        start = sector * 64 + 48
        return bytes(self.memory[start : start + 16])

    def _condition(self, block_of_sector: int) -> int:
        """Return C1 C2 C3 of one block of the open sector as a number 0 to 7."""
        conditions = self._conditions(self._sector)
        if conditions is None:
            raise ValueError("a blocked sector was opened")
        return conditions[block_of_sector]

    def _conditions(self, sector: int) -> list | None:
        """Return C1 C2 C3 of the four blocks as numbers 0 to 7, or None if the complement differs: a blocked sector."""
        trailer = self._trailer(sector)
        c1, c2, c3 = trailer[7] >> 4, trailer[8] & 15, trailer[8] >> 4
        if trailer[6] != (15 - c2) << 4 | 15 - c1 or trailer[7] & 15 != 15 - c3:
            return None
        return [(c1 >> n & 1) << 2 | (c2 >> n & 1) << 1 | c3 >> n & 1 for n in range(4)]


def _transport_memory(uid: bytes, atqa: bytes) -> bytearray:
    memory = bytearray(SIZE)
    for sector in range(16):
        memory[sector * 64 + 48 : sector * 64 + 64] = _TRANSPORT_TRAILER
    head = uid if len(uid) == 7 else uid + bytes((uid[0] ^ uid[1] ^ uid[2] ^ uid[3],))
    head += b"\x08" + atqa
    memory[: len(head)] = head
    return memory
