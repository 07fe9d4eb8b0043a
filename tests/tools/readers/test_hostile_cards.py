"""Answers of hostile cards and readers over PC/SC: a refusal in words, and neither another error nor a hang.

The bytes come from a seed. WATTPURSE_HOSTILE_ANSWERS is the number of answers that are tried without pcscd; the long
form has 1,000,000.
"""

import os
import random

from boards.host.cards.ultralight import UltralightCard
from tests.tools.readers.direct import NAMES
from tests.tools.readers.pcsc_card import PcscCard
from wattpurse.cards import key_card, purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.desk import frames
from wattpurse_tools.desk.frames import RemoteDriver
from wattpurse_tools.readers.driver import PcscDriver, driver_of, identity_of
from wattpurse_tools.readers.troubles import CARD_GONE, trouble_of
from wattpurse_tools.station.classic_cards import format_classic, rekey_classic
from wattpurse_tools.station.reader_cards import kind_of_card

ANSWERS = int(os.environ.get("WATTPURSE_HOSTILE_ANSWERS", "20000"))
KEYS = ClassicKeys(bytes(6), bytes(range(6)))
NEWER = ClassicKeys(bytes(range(6, 12)), bytes(range(6)))
STATUSES = (b"\x90\x00", b"\x90\x00", b"\x90\x00", b"\x63\x00", b"\x69\x82", b"\x6c\x10", b"\x61\x10", b"\x00\x00", b"")
LENGTHS = (0, 1, 2, 3, 4, 7, 10, 15, 16, 17, 60, 64, 255, 300)
STORAGE = bytes.fromhex("804f0ca000000306")


class Hostile:
    """A connection whose every answer is drawn. Most answers have the length that was asked for."""

    def __init__(self, chance):
        self._chance = chance
        self.reader = chance.choice([*NAMES.values(), "Some Reader 00 00"])
        self.atr = self._atr()
        self._uid = chance.randbytes(chance.choice((4, 7, 7, 10, 3, 0)))
        self.answers = 0

    def transmit(self, apdu):
        self.answers += 1
        chance = self._chance
        if chance.random() < 0.02:
            raise trouble_of(chance.choice([*CARD_GONE, 0x80100017, 0x8010001D, 0x80100001]))
        if chance.random() < 0.1:
            return chance.randbytes(chance.choice(LENGTHS)) + chance.choice(STATUSES)
        if apdu[1] == 0xCA:
            return self._uid + b"\x90\x00"
        if apdu[1] == 0xB0:
            return self._data(16) + b"\x90\x00"
        if apdu[1] in (0x00, 0xEF):
            head = b"\xd5\x43\x00" if apdu[1] == 0 else b""
            return head + self._raw(apdu[5 + len(head) - (1 if head else 0) :]) + b"\x90\x00"
        return b"\x90\x00"

    def reset(self):
        if self._chance.random() < 0.1:
            raise trouble_of(self._chance.choice(CARD_GONE))

    def close(self):
        pass

    def _raw(self, frame):
        if frame[:1] == b"\x60":
            return bytes((0, 4, self._chance.choice((3, 4, 9)), 2, 1, 0, self._chance.choice((0x0F, 0x11, 0x13, 9)), 3))
        if frame[:1] == b"\x3a" and len(frame) == 3 and frame[2] >= frame[1]:
            return self._data((frame[2] - frame[1] + 1) * 4)
        return self._chance.randbytes(self._chance.choice(LENGTHS))

    def _data(self, count):
        """Return data that often begins like an order box or a statement."""
        head = self._chance.choice((b"\x4f\x01\x02\xff", b"\x4f\x05\x01\x00", b"\xe1\x10\x12\x00", b"S", b""))
        return (head + self._chance.randbytes(count))[:count]

    def _atr(self):
        chance = self._chance
        historical = STORAGE + b"\x03" + chance.choice((b"\0\1", b"\0\2", b"\0\3", b"\xff\x08", b"\xff\x20")) + bytes(4)
        if chance.random() < 0.2:
            historical = chance.randbytes(chance.randrange(16))
        body = bytes((0x80 | len(historical), 0x80, 1)) + historical
        check = 0
        for byte in body:
            check ^= byte
        atr = b"\x3b" + body + bytes((check,))
        return chance.randbytes(chance.randrange(34)) if chance.random() < 0.1 else atr


async def works(driver, work):
    identity = await driver.find_card()
    if identity is None:
        return
    if work == 0:
        await kind_of_card(driver)
    elif work == 1:
        await format_classic(driver, identity, KEYS)
    elif work == 2:
        await rekey_classic(driver, identity, NEWER, KEYS)
    else:
        memory = await open_card(driver, identity, lambda uid: KEYS)
        if memory is None:
            return
        await purse.read_orders(memory)
        await purse.read_statement_copies(memory)
        if work == 3 and memory.kind in key_card.KINDS:
            await key_card.read_copies(memory)
        elif work == 4:
            await purse.write_orders(memory, purse.CUSTOMER, 1, bytes(16))


def test_no_answer_of_a_card_or_reader_escapes_as_another_error():
    chance = random.Random(20260118)
    answers = refused = done = 0
    while answers < ANSWERS:
        hostile = Hostile(chance)
        driver = PcscDriver(lambda one=hostile: one)
        before = hostile.answers
        try:
            run_driver(works(driver, chance.randrange(5)))
            done += 1
        except (CardError, OSError, ValueError):
            refused += 1
        assert hostile.answers - before < 2000
        answers += hostile.answers + 1
    assert refused > 100
    assert done > 10


def test_no_atr_escapes_as_another_error():
    chance = random.Random(7)
    for _ in range(ANSWERS // 4):
        atr = Hostile(chance).atr
        try:
            identity_of(atr, bytes(7))
        except CardError as error:
            assert error.reason == "unknown"


class HostileDesk:
    """A desk whose agent answers anything."""

    def __init__(self, chance):
        self._chance = chance

    def command(self, do, timeout_s, **fields):
        chance = self._chance
        value = chance.choice((None, "", "zz", "04112233445566", "00" * 16, "0" * 5000, 7, -1, [], {}, True, 1 << 40))
        answer = {"uid": "04112233445566", "sak": chance.choice((0, 8, 0x20)), "atqa": "4400", "reply": "00" * 16}
        answer[chance.choice(("uid", "sak", "atqa", "reply", "reason", "more"))] = value
        return answer


def test_no_answer_of_an_agent_escapes_as_another_error():
    chance = random.Random(11)
    for _ in range(ANSWERS // 10):
        try:
            run_driver(works(RemoteDriver(HostileDesk(chance)), chance.randrange(5)))
        except (CardError, OSError, ValueError):
            pass


def test_no_command_of_an_office_escapes_as_another_error():
    chance = random.Random(13)
    values = (None, "", "zz", "30", "6004ffffffffffff11223344", 7, -1, [], ["30"], ["zz"], [None], {}, 1 << 40)
    calls = (
        frames.FIND,
        frames.SELECT,
        frames.AUTHENTICATE,
        frames.EXCHANGE,
        frames.WRITE,
        frames.TRANSCEIVE,
        "?",
        None,
    )
    for _ in range(ANSWERS // 10):
        names = ("uid", "sak", "atqa", "frame", "length", "timeout_us", "frames")
        command = {"call": chance.choice(calls)} | {name: chance.choice(values) for name in names}
        try:
            frames.carry_out(PcscDriver(lambda: Hostile(chance)), command)
        except (OSError, ValueError, KeyError, TypeError):
            pass


class HostileCard(PcscCard):
    """A card that answers anything, through a real pcscd."""

    def __init__(self, chance):
        super().__init__(UltralightCard("ntag215", bytes.fromhex("04112233445566")))
        self._hostile = Hostile(chance)

    @property
    def atr(self):
        return self._hostile.atr or b"\x3b"

    def transmit(self, apdu):
        if len(apdu) < 2:
            return b""
        try:
            return self._hostile.transmit(apdu)
        except OSError:
            return b"\x63"


def test_hostile_cards_at_a_real_pcscd_are_refused_and_the_reader_goes_on(reader):
    chance = random.Random(17)
    for turn in range(12):
        reader.lay(HostileCard(chance))
        driver = driver_of("acr122")
        try:
            run_driver(works(driver, turn % 5))
        except (CardError, OSError, ValueError):
            pass
        finally:
            driver.close()
        reader.lift()
    reader.lay(PcscCard(UltralightCard("ntag215", bytes.fromhex("04112233445566"))))
    driver = driver_of("acr122")
    assert run_driver(kind_of_card(driver)).kind == "ntag215"
    driver.close()
