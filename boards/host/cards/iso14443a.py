"""A type A card by ISO/IEC 14443-3: power, selection by its UID, halt, and silence after any error.

Frames are plain: data bits first bit lowest, check bytes included, parity only as "intact or not". A frame belongs to a
cipher session or to none. A card ignores a frame that is not in its own session. Programming takes time. A card that
loses the field meanwhile keeps torn data: old, new, half of each or garbage, by its seed.
"""

from boards.host.chips.random_bits import RandomBits

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import Answer


OFF = 0
IDLE = 1
HALT = 2
READY = 3
ACTIVE = 4

REQA = 0x26
WUPA = 0x52
LEVELS = (0x93, 0x95, 0x97)
CASCADE_TAG = 0x88
# A card may need 5 ms of unmodulated field before it receives anything (clause 5.2.2). This one always does.
START_UP_US = 5000

ACK = 0x0A
NAK_ARGUMENT = 0x00
NAK_CRC = 0x01
NAK_OPERATION = 0x04


def crc_a(data: bytes, preset: int = 0x6363) -> bytes:
    """Return CRC_A of ISO/IEC 14443-3, annex B, as the two bytes that follow `data` in a frame."""
    crc = preset
    for byte in data:  # four bits at once: their remainders are the multiples of 0x1081, without a carry
        crc = crc >> 4 ^ (crc ^ byte & 15) % 16 * 0x1081
        crc = crc >> 4 ^ (crc ^ byte >> 4) % 16 * 0x1081
    return bytes((crc & 0xFF, crc >> 8))


class Card:
    """The part that all type A cards share. Each kind of card defines `command`.

    `uid` has 4, 7 or 10 bytes. `seed` chooses the content after a torn write.
    """

    def __init__(self, kind: str, uid: bytes, atqa: bytes, sak: int, memory: bytearray, seed: int = 1) -> None:
        self.kind = kind
        self.rename(uid)
        self.atqa = atqa
        self.sak = sak
        self.memory = memory
        self.session: object | None = None
        self.writes = 0
        self.state = OFF
        self._woken = False
        self._level = 0
        self._listens_from_us = 0
        self._programming: tuple[int, bytes, bytes, int] | None = None  # address, old, new, end
        self._random = RandomBits(seed)

    def rename(self, uid: bytes) -> None:
        """Give the card another UID."""
        self.uid = uid
        self._parts = _uid_parts(uid)

    def draw(self) -> int:
        """Return a random byte, by the card's seed."""
        return self._random(8)

    def image(self) -> dict:
        """Return the card as a dictionary for a file; `images.from_image` is the inverse."""
        return {"kind": self.kind, "uid": self.uid.hex(), "memory": bytes(self.memory).hex()}

    def power_on(self, now_us: int) -> None:
        """Start the card: the field is on."""
        self.state = IDLE
        self._woken = False
        self._listens_from_us = now_us + START_UP_US

    def power_off(self, now_us: int) -> None:
        """Stop the card: the field is off. A write under way is torn."""
        if self._programming is not None and now_us < self._programming[3]:
            self._tear(self._programming)
        self._programming = None
        self.fall_back()
        self.state = OFF

    def receive(self, now_us: int, data: bytes, bits: int, intact: bool, session: object) -> "Answer":
        """Take a frame that ends at `now_us` and return the answer, None for silence."""
        if self.state == OFF or now_us < self._listens_from_us:
            return None
        self.now_us = now_us
        if self.expects_proof():
            return self.prove(data) if intact else self.fall_back()
        if session is not self.session:
            return self.fall_back()
        if bits == 7:
            return self._request(data[0]) if intact else self.fall_back()
        if self.state == READY:
            return self._resolve(data, bits) if intact else self.fall_back()
        if self.state != ACTIVE:
            return None
        if bits % 8 or len(data) < 3:
            return self.fall_back()
        if not intact or crc_a(data[:-2]) != data[-2:]:
            return self.refuse(NAK_CRC)
        if data[:-2] == b"\x50\x00":
            self.fall_back()
            self.state = HALT
            return None
        return self.command(data[:-2])

    def command(self, data: bytes) -> "Answer":
        """Take a frame with a good CRC, for a selected card. Return as `receive` does."""
        raise NotImplementedError

    def expects_proof(self) -> bool:
        """Return True if the next frame is the reader's half of an authentication."""
        return False

    def prove(self, data: bytes) -> "Answer":
        """Take the reader's half of an authentication. Return as `receive` does."""
        raise NotImplementedError

    def fall_back(self) -> None:
        """Return to the state before the card was woken, without an answer, as after any error."""
        if self.state != OFF:
            self.state = HALT if self._woken or self.state == HALT else IDLE
        self.session = None
        self._level = 0

    def refuse(self, code: int) -> "Answer":
        """Return a four-bit NAK. The card must be selected again."""
        self.fall_back()
        return bytes((code,)), 4, 0

    def answer(self, data: bytes, delay_us: int = 0) -> "Answer":
        """Return an answer of whole bytes, with its CRC."""
        data = data + crc_a(data)
        return data, len(data) * 8, delay_us

    def acknowledge(self, delay_us: int = 0) -> "Answer":
        """Return a four-bit ACK."""
        return bytes((ACK,)), 4, delay_us

    def program(self, address: int, data: bytes, duration_us: int) -> None:
        """Write `data`. A loss of the field within `duration_us` tears it."""
        end = address + len(data)
        done_us = self.now_us + duration_us
        self._programming = (address, bytes(self.memory[address:end]), data, done_us)
        self._listens_from_us = done_us
        self.memory[address:end] = data
        self.writes += 1

    def is_programming(self, now_us: int) -> bool:
        """Return True if a loss of the field now would tear a write."""
        return self._programming is not None and now_us < self._programming[3]

    def seed(self, seed: int) -> None:
        """Set the seed that chooses the content after the next torn write."""
        self._random = RandomBits(seed)

    def _request(self, command: int) -> "Answer":
        if self.state == IDLE and command in (REQA, WUPA) or self.state == HALT and command == WUPA:
            self._woken = self.state == HALT
            self.state = READY
            self._level = 0
            return self.atqa, 16, 0
        if self.state in (READY, ACTIVE):
            self.fall_back()
        return None

    def _resolve(self, data: bytes, bits: int) -> "Answer":
        """Take SELECT or one step of anticollision (clause 6.5.3). Cards with another UID fall back."""
        part = self._parts[self._level]
        if bits < 16 or data[0] != LEVELS[self._level]:
            return self.fall_back()
        if data[1] == 0x70:
            if bits != 72 or data[2:7] != part or crc_a(data[:7]) != data[7:9]:
                return self.fall_back()
            return self._selected()
        known = ((data[1] >> 4) - 2) * 8 + (data[1] & 7)
        value = int.from_bytes(part, "little")
        if not 0 <= known < 40 or data[1] & 8 or bits != 16 + known:
            return self.fall_back()
        if (int.from_bytes(data[2:], "little") ^ value) & ((1 << known) - 1):
            return self.fall_back()
        return (value >> known).to_bytes(5, "little"), 40 - known, 0

    def _selected(self) -> "Answer":
        if self._level + 1 < len(self._parts):
            self._level += 1
            return self.answer(b"\x04")
        self.state = ACTIVE
        return self.answer(bytes((self.sak,)))

    def _tear(self, programming: "tuple[int, bytes, bytes, int]") -> None:
        address, old, new, _ = programming
        outcome = self._random.below(4)
        cut = self._random.below(len(new))
        torn = old
        if outcome == 1:
            torn = new
        elif outcome == 2:
            torn = new[:cut] + old[cut:]
        elif outcome == 3:
            torn = bytes([byte ^ self._random(8) for byte in new])
        self.memory[address : address + len(torn)] = torn


def _uid_parts(uid: bytes) -> list:
    """Return the bytes of each cascade level: four bytes and their check byte (table 7)."""
    parts = []
    while len(uid) > 4:
        parts.append(bytes((CASCADE_TAG,)) + uid[:3])
        uid = uid[3:]
    parts.append(uid)
    if len(uid) != 4 or len(parts) > 3 or parts[-1][0] == CASCADE_TAG:
        raise ValueError("a UID has 4, 7 or 10 bytes and does not start like a cascade tag")
    return [part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],)) for part in parts]
