"""The seam of the purse's code over PC/SC: each family of readers, each kind of card, torn at each command."""

from contextlib import nullcontext

import pytest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.ultralight import UltralightCard
from tests.tools.readers.direct import NAMES, DirectReader
from tests.tools.readers.pcsc_card import AFTER, BEFORE, DURING, PcscCard
from wattpurse.cards import key_card, purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.core.money import key_card as key_card_content
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.readers.driver import identity_of
from wattpurse_tools.readers.families import FAMILIES, OTHER, family_of, is_contactless
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.classic_cards import format_classic, rekey_classic
from wattpurse_tools.station.reader_cards import ReaderAntenna, ReaderCard, kind_of_card

UID = bytes.fromhex("04112233445566")
SHORT_UID = bytes.fromhex("a1b2c3d4")
KEYS = ClassicKeys(bytes.fromhex("010203040506"), bytes.fromhex("0a0b0c0d0e0f"))
NEWER = ClassicKeys(bytes.fromhex("112233445566"), bytes.fromhex("aabbccddeeff"))
KINDS = ("classic-1k", "classic-4k", "ntag213", "ntag215", "ntag216", "ultralight")
OLD, NEW = b"the old tokens of this card.", b"and the new tokens."[:16]


def blank(kind, seed=1):
    """Return a new card. A 4K is modelled by its first 16 sectors."""
    if not kind.startswith("classic"):
        return UltralightCard(kind, UID, seed=seed)
    card = ClassicCard(SHORT_UID, seed=seed)
    if kind == "classic-4k":
        card.sak, card.atqa = 0x18, b"\x02\x00"
    return card


def laid(kind, family="pn532", seed=1):
    """Return a reader with a card that has the keys of the station."""
    reader = DirectReader(PcscCard(blank(kind, seed), family))
    if kind.startswith("classic"):
        run_driver(formatted(reader.driver))
    return reader


async def formatted(driver):
    await driver.start()
    await format_classic(driver, await driver.find_card(), KEYS)


async def opened(driver, keys=KEYS):
    await driver.start()
    identity = await driver.find_card()
    if identity is None:
        raise CardError("silent")
    return await open_card(driver, identity, lambda uid: keys)


def read(reader):
    """Return the content of the newest whole order box."""

    async def step():
        return await purse.read_orders(await opened(reader.driver))

    return run_driver(step()).content


def write(reader, content):
    async def step():
        await purse.write_orders(await opened(reader.driver), purse.CUSTOMER, 1002, content)

    run_driver(step())


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_purse_works_on_each_kind_of_card_at_each_family(kind, family):
    reader = laid(kind, family)
    write(reader, OLD)
    assert read(reader) == OLD
    write(reader, NEW)
    assert read(reader) == NEW
    found = run_driver(kind_of_card(reader.driver))
    assert found.kind == kind.replace("4k", "1k")
    assert found.uid == reader.card.card.uid


@pytest.mark.parametrize("family", NAMES)
def test_raw_frames_go_through_the_families_that_have_them_and_others_read_in_short_steps(family):
    reader = laid("ntag215", family)
    write(reader, OLD)
    reader.card.log.clear()
    assert read(reader) == OLD
    sent = " ".join(reader.card.log)
    heads = {"pn532": "ff00000003d44260", "identiv": "ffef00000160"}
    if family in heads:
        assert heads[family] in sent
    else:
        assert "ffb0000310" in sent  # the capability container
        assert not any(one in sent for one in heads.values())


MOMENTS = ((BEFORE, 1), (DURING, 1), (DURING, 2), (AFTER, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_torn_at_any_command_leaves_the_old_or_the_new_tokens_and_the_next_write_finishes_it(kind):
    reader = laid(kind)
    copies = len(purse.layout_of(kind.replace("4k", "1k")).order_offsets)
    write(reader, OLD)
    begin = reader.card.apdus
    write(reader, NEW)
    commands = reader.card.apdus - begin
    assert commands > 6
    held, wanted = NEW, OLD
    outcomes = set()
    for number in range(1, commands + 1):
        # Each command that may write is torn at each moment. One of the moments is enough for the others.
        for moment, frame in MOMENTS if number > commands // 2 else (MOMENTS[number % len(MOMENTS)],):
            reader.card.tear(number, moment, frame)
            try:
                write(reader, wanted)
            except CardError as error:
                assert error.reason == "silent", (number, moment)
            reader.card.tear(0, None)
            if copies > 1:
                content = read(reader)
                assert content in (held, wanted), (number, moment)
                outcomes.add(content == wanted)
            write(reader, wanted)  # it reads the data back
            held, wanted = wanted, held
    assert read(reader) == held
    assert copies == 1 or outcomes == {False, True}


@pytest.mark.parametrize("step", ("format", "rekey"))
def test_keys_torn_at_any_command_are_finished_by_the_next_try(step):
    def work(reader):
        async def change():
            await reader.driver.start()
            identity = await reader.driver.find_card()
            if identity is None:
                raise CardError("silent")
            if step == "format":
                await format_classic(reader.driver, identity, NEWER)
            else:
                await rekey_classic(reader.driver, identity, NEWER, KEYS)

        run_driver(change())

    start = laid("classic-1k").card.card if step == "rekey" else blank("classic-1k")
    memory = bytes(start.memory)

    # The first three sectors have every kind of command; the others repeat them.
    for number in range(1, 26, 2):
        reader = DirectReader(PcscCard(ClassicCard(SHORT_UID, memory, seed=number)))
        reader.card.tear(number, MOMENTS[number // 2 % 4][0], MOMENTS[number // 2 % 4][1])
        with pytest.raises(CardError):
            work(reader)
        reader.card.tear(0, None)
        work(reader)

        async def is_open(driver=reader.driver):
            memory = await opened(driver, NEWER)
            await purse.write_orders(memory, purse.CUSTOMER, 1002, NEW)

        run_driver(is_open())


def test_a_key_card_torn_at_any_command_keeps_a_whole_record():
    reader = laid("ntag213")

    def step(work):
        async def go():
            return await work(await opened(reader.driver))

        return run_driver(go())

    def sealed(version):
        return bytes((version,)) * key_card_content.SIZE

    async def copies(memory):
        data = [bytearray(key_card_content.SIZE) for _ in range(2)]
        for place, offset in enumerate(purse.layout_of(memory.kind).statement_offsets):
            await memory.read(offset, data[place])
        return [bytes(one) for one in data]

    step(lambda memory: key_card.write_sealed(memory, 0, sealed(1)))
    for number in range(1, 40):
        reader.card.tear(number, DURING)
        try:
            step(lambda memory: key_card.write_sealed(memory, 1, sealed(2)))
        except CardError:
            pass
        reader.card.tear(0, None)
        assert step(copies)[0] == sealed(1)


def test_wrong_keys_are_refused_and_a_card_that_left_is_silent():
    reader = laid("classic-1k")

    async def wrong():
        await (await opened(reader.driver, NEWER)).read(0, bytearray(16))

    with pytest.raises(CardError) as caught:
        run_driver(wrong())
    assert caught.value.reason == "refused"
    reader.card.tear(2, BEFORE)
    with pytest.raises(CardError) as caught:
        run_driver(wrong())
    assert caught.value.reason == "silent"


def test_another_card_than_the_expected_one_is_refused():
    station = CardReader(None, ReaderAntenna(laid("ntag215").driver, nullcontext()))
    with pytest.raises(OSError, match="another card"):
        station.work(ReaderCard("ntag215", bytes(7)), purse.read_orders)


def test_an_empty_reader_has_no_card():
    reader = laid("ntag215")
    reader.card = None
    assert run_driver(kind_of_card(reader.driver)) is None


@pytest.mark.parametrize(
    ("atr", "sak"),
    (
        ("3b8f8001804f0ca000000306030001000000006a", 0x08),  # PC/SC part 3, Classic 1K
        ("3b8f8001804f0ca0000003060300020000000069", 0x18),
        ("3b8f8001804f0ca0000003060300030000000068", 0x00),
        ("3b8180018080", 0x20),  # DESFire
        ("3b8f8001804f0ca00000030603ff2000000000b4", 0x20),
        ("3b8f8001804f0ca00000030603ff88000000001c", 0x88),
    ),
)
def test_the_kind_is_told_by_the_atr(atr, sak):
    assert identity_of(bytes.fromhex(atr), UID).sak == sak


@pytest.mark.parametrize(
    "atr",
    (
        "",
        "3b",
        "3b8f8001",
        "3b6500002063cb6800",  # a card with contacts
        "3b8f8001804f0ca000000306030001000000006b",  # wrong check byte
        "3b8f8001804f0ca000000306110001000000007a",  # ISO 15693
        "3b8f8001804f0ca000000306030030000000005b",  # Topaz
        "3b8e8001804f0ca000000306030001000000006a",  # a byte too many
    ),
)
def test_other_atrs_are_of_no_known_card(atr):
    with pytest.raises(CardError) as caught:
        identity_of(bytes.fromhex(atr), UID)
    assert caught.value.reason == "unknown"


def test_families_are_known_by_their_names():
    assert [family_of(name).name for name in NAMES.values()] == [
        "ACS ACR122U",
        "ACS ACR1252U",
        "Identiv",
        "HID OMNIKEY",
    ]
    assert family_of("Some Reader 00 00") is OTHER
    assert len({one.name for one in FAMILIES}) == len(FAMILIES)
    assert not is_contactless("ACS ACR1252 1S CL Reader [ACR1252 SAM Reader] 00 01")
    assert is_contactless("ACS ACR1252 1S CL Reader [ACR1252 PICC Reader] 00 00")


def test_an_iso_14443_4_card_gets_whole_apdus():
    class Desfire:
        reader, atr = NAMES["pn532"], bytes.fromhex("3b8180018080")
        sent = []

        def transmit(self, apdu):
            self.sent.append(apdu)
            return UID + b"\x90\x00" if apdu[0] == 0xFF else b"\x91\xaf"

        def close(self):
            pass

    driver = DirectReader(PcscCard(blank("ntag215"))).driver
    driver._connect = Desfire
    assert run_driver(driver.find_card()).sak == 0x20
    assert driver.transceive(bytes.fromhex("9060000000")) == b"\x91\xaf"
    assert Desfire.sent[-1] == bytes.fromhex("9060000000")
