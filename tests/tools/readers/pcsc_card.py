"""A card on a PC/SC reader: PC/SC part 3 over the models of the cards and of the reader chip.

The reader behind these commands is the driver of the meter over the model of the MFRC522, so a card answers a command
only as it answers real frames, and a removal tears a write as it tears it there. `family` names the reader that it
imitates: "pn532" has the raw exchange of the ACR122U, "identiv" that of Identiv and its places of keys, "omnikey" loads
keys with P1 = 20, "plain" has no raw exchange.
"""

import os

from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.mfrc522 import Mfrc522

OK = b"\x90\x00"
FAILED = b"\x63\x00"
UNKNOWN = b"\x6a\x81"
WRONG_LENGTH = b"\x67\x00"
_TIMEOUT_US = 10000

_NAMES = {0x08: b"\x00\x01", 0x18: b"\x00\x02", 0x00: b"\x00\x03"}
_PLACES = {"pn532": (0, 1), "identiv": (0x60, 0x61), "omnikey": tuple(range(32)), "plain": (0, 1)}
_LOAD_P1 = {"omnikey": 0x20}

BEFORE, DURING, AFTER = "before", "during", "after"
MOMENTS = (BEFORE, DURING, AFTER)


class Gone(Exception):
    """The card was lifted: it answers no more."""


class PcscCard:
    """A model of a card, on a reader of a family. `apdus` counts the commands, `removals` those at which it was lifted.

    `tear(n, moment)` lifts the card at the `n`-th command from now: before it, while the card works on it, or after it
    and before its answer.
    """

    def __init__(self, card, family="pn532"):
        self.card = card
        self.family = family
        self.apdus = 0
        self.removals = 0
        self.log = []
        self._tear = None
        self._is_tearing = False
        self._keys = {}
        self._identity = None
        self._clock = VirtualClock()
        self._model = Mfrc522Model(self._clock)
        model = self._model
        self._driver = Mfrc522(model.spi, model.select, model.reset, model.irq, self._clock)

    @property
    def atr(self):
        """The ATR of PC/SC part 3 for this storage card."""
        historical = bytes.fromhex("804f0ca000000306") + b"\x03" + _NAMES[self.card.sak] + bytes(4)
        body = bytes((0x80 | len(historical), 0x80, 0x01)) + historical
        check = 0
        for byte in body:
            check ^= byte
        return b"\x3b" + body + bytes((check,))

    def tear(self, number, moment, frame=1):
        """Lift the card at a command. DURING lifts it when the card has received the command's `frame`-th frame.

        A number of 0 lifts it at none.
        """
        self._tear = (self.apdus + number, moment, frame)

    def power_on(self):
        """Put the card into the field and select it."""
        self.power_off()
        self._model.field.insert(self.card)
        self._clock.run(self._selected())

    def power_off(self):
        """Take the card out of the field."""
        self._model.field.remove(self.card)
        self._identity = None

    def transmit(self, apdu):
        """Return the answer to a command. Raise Gone if the card is lifted."""
        self.apdus += 1
        number, moment, frame = self._tear or (0, None, 0)
        is_torn = number == self.apdus
        self.log.append(apdu.hex())
        if is_torn and moment == DURING:
            self._is_tearing = True
            self._model.field.plan(frame, lambda field: {"after": self._lift})
        answer = b"" if is_torn and moment == BEFORE else self._answer(apdu)
        self._is_tearing = False
        if is_torn:
            self.removals += 1
            self.power_off()
            raise Gone
        return answer

    def _lift(self, field):
        """Take the card out of the field, if the command that is to be torn is still at work."""
        if self._is_tearing:
            field.remove(self.card)

    def _answer(self, apdu):
        if self._identity is None:
            return FAILED
        if len(apdu) < 5 or apdu[0] != 0xFF:
            return b"\x6e\x00"
        work = {0xCA: self._get, 0x82: self._load, 0x86: self._authenticate, 0xB0: self._read, 0xD6: self._update}
        if apdu[1] in work:
            return work[apdu[1]](apdu)
        raw = {("pn532", 0x00): self._pn532, ("identiv", 0xEF): self._identiv}.get((self.family, apdu[1]))
        return UNKNOWN if raw is None else raw(apdu)

    def _get(self, apdu):
        return self.card.uid + OK if apdu[2:5] == bytes(3) else UNKNOWN

    def _load(self, apdu):
        place = apdu[3]
        if apdu[2] != _LOAD_P1.get(self.family, 0) or place not in _PLACES[self.family]:
            return b"\x69\x88"
        if apdu[4] != 6 or len(apdu) != 11:
            return WRONG_LENGTH
        self._keys[place] = apdu[5:]
        return OK

    def _authenticate(self, apdu):
        if apdu[2:6] != b"\0\0\x05\x01" or len(apdu) != 10:
            return WRONG_LENGTH
        block, kind, number = apdu[7:]
        key = self._keys.get(kind if self.family == "identiv" and number == 1 else number)
        if key is None or kind not in (0x60, 0x61):
            return b"\x69\x88"
        frame = bytes((kind, block)) + key + self.card.uid[-4:]
        # A reader selects the card anew before each authentication: the one before may have left it silent.
        return self._tried(self._authenticated(frame))

    def _read(self, apdu):
        if len(apdu) != 5 or apdu[4] != 16:
            return WRONG_LENGTH
        return self._tried(self._driver.exchange(bytes((0x30, apdu[3])), 16, _TIMEOUT_US))

    def _update(self, apdu):
        data = apdu[5:]
        if len(data) != apdu[4] or len(data) != (16 if self.card.sak else 4):
            return WRONG_LENGTH
        return self._tried(self._written(apdu[3], data))

    def _pn532(self, apdu):
        if len(apdu) != 5 + apdu[4] or apdu[5:7] != b"\xd4\x42":
            return UNKNOWN
        answer = self._clock.run(self._raw(apdu[7:]))
        # InCommunicateThru tells a time-out as 01 (PN532 user manual, 7.1).
        return b"\xd5\x43\x00" + answer + OK if answer else b"\xd5\x43\x01" + OK

    def _identiv(self, apdu):
        if len(apdu) != 5 + apdu[4]:
            return WRONG_LENGTH
        answer = self._clock.run(self._raw(apdu[5:]))
        return answer + OK if answer else b"\x64\x01"

    async def _raw(self, frame):
        """Send a frame, and return the answer without its CRC, or nothing."""
        self._driver.use_crc(True, True)
        self._driver.send(frame, _TIMEOUT_US, 0)
        count = await self._driver.receive(62)
        if not count or self._driver.garbled or self._driver.reply_bits:
            await self._again()
            return b""
        return bytes(self._driver.reply)

    async def _authenticated(self, frame):
        await self._driver.select_again(self._identity)
        await self._driver.authenticate(frame, _TIMEOUT_US)

    async def _written(self, place, data):
        if not self.card.sak:
            return await self._driver.acknowledged(bytes((0xA2, place)) + data, _TIMEOUT_US)
        await self._driver.acknowledged(bytes((0xA0, place)), _TIMEOUT_US)
        return await self._driver.acknowledged(data, _TIMEOUT_US)

    def _tried(self, step):
        try:
            return bytes(self._clock.run(step) or b"") + OK
        except CardError:
            self._clock.run(self._again())
            return FAILED

    async def _again(self):
        try:
            await self._driver.select_again(self._identity)
        except CardError:
            pass

    async def _selected(self):
        await self._driver.start()
        self._identity = await self._driver.find_card()


class DesfireOnReader:
    """A DESFire card on a PC/SC reader: its application layer, in the APDUs that carry its native commands.

    The reader speaks ISO/IEC 14443-4 with the card itself, so a removal falls between APDUs: `tear` has no frames.
    """

    atr = bytes.fromhex("3b8180018080")

    def __init__(self, card):
        self.card = card
        self.apdus = 0
        self.removals = 0
        self._tear = (0, None)

    def tear(self, number, moment):
        """Lift the card at a command, BEFORE it takes it or AFTER it, when its answer is lost; or at none with 0."""
        self._tear = (self.apdus + number, moment)

    def power_on(self):
        """Put the card into the field."""
        self.card.desfire.power_off()

    def power_off(self):
        """Take the card out of the field."""
        self.card.desfire.power_off()

    def transmit(self, apdu):
        """Return the answer to a command. Raise Gone if the card is lifted."""
        self.apdus += 1
        number, moment = self._tear
        is_torn = number == self.apdus
        answer = b"" if is_torn and moment == BEFORE else self._answer(apdu)
        if is_torn:
            self.removals += 1
            self.power_off()
            raise Gone
        return answer

    def _answer(self, apdu):
        if apdu[:2] == b"\xff\xca":
            shown = b"\x08" + os.urandom(3) if self.card.desfire.has_random_uid else self.card.uid
            return shown + OK
        return self.card.desfire.answer(apdu)
