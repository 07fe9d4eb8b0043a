"""Bad flash at boot: images damaged at random, and images damaged by a person who corrects the checksums.

Every start ends, with an account or with one of its documented faults. A start leaves unreadable flash as it is. Small
damage to one copy costs nothing, except for a tally whose cells come to read as erased. No damage makes credit.
"""

import random as randoms
import struct
from binascii import crc32

from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.proof.page import numbered
from tests.proof.proof_flash import ProofFlash
from tests.proof.small_meter import FIRST_FOR_EVENTS, FIRST_FOR_LEDGER, RINGS, SECTORS, SmallMeter
from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.journal.slots import SLOT_SIZE, TALLY_STEPS, JournalUnreadable
from wattpurse.core.money.ledger import Ledger, LedgerMismatch
from wattpurse.core.records.events import EventLog
from wattpurse.core.records.settings import Settings

NAME = "bad-flash"
ABOUT = "flash images damaged at random, or with corrected checksums"
SHORT_CASES = 25
LONG_CASES = 8_000

_BATCH = 125
_HEAP_LIMIT = 512 * 1024  # includes the image itself, twice
_SECTOR = 4096
_LEDGER_SECTORS = 5
_START_LIMIT = 20_000
_DOCUMENTED = (JournalBlank, JournalUnreadable, LedgerMismatch, ValueError, OSError, struct.error)
_SMALL = 32
_TALLY = 0x7E
_LATEST_S = 2**32 - 1


def run_case(seed: int, tally):
    """Start a batch of images of one meter's flash."""
    random = randoms.Random(f"{NAME} {seed}")
    meter = _lived_meter(random)
    memory = bytes(meter.flash.memory)
    truth = _opened_image(random, bytearray(memory))
    if truth is None:
        raise Broken(LOST, "a meter cannot read what it wrote itself")
    for _ in range(_BATCH):
        ways = random.choice((_small_in_one_copy, _at_random, _at_random, _by_a_forger, _by_a_forger))
        image = bytearray(memory)
        ways(random, image)
        account = _opened_image(random, image)
        tally.add("readable" if account else "unreadable")
        _judge(ways, truth, account, memory, image, tally)
        tally.cases += 1
        tally.faults += 1
    bound_heap(tally, _HEAP_LIMIT, _opened_image, random, image)


def _opened_image(random, image):
    return _opened(ProofFlash(SECTORS, random, image))


def _opened(flash):
    """Start from the image. Return the account's credit, or None for a documented fault that wrote nothing."""
    before = bytes(flash.memory)
    flash.limit(_START_LIMIT)
    found = None
    for store in (
        Ledger(flash, FIRST_FOR_LEDGER, _LEDGER_SECTORS),
        Settings(flash, 0, 3),
        EventLog(flash, FIRST_FOR_EVENTS, 8),
    ):
        start, end = _place_of(store)
        try:
            store.open()
        except _DOCUMENTED:
            if flash.memory[start:end] != before[start:end]:
                raise Broken(BROKEN_RULES, f"{type(store).__name__} wrote into unreadable flash")
            continue
        if isinstance(store, Ledger):
            account = store.account
            found = (account.money.bought, account.energy.bought, account.pulses_total, account.tokens.pack())
            store.advance(min(account.time_s + 40 * 86_400, _LATEST_S), 3)
        elif isinstance(store, EventLog):
            store.recent(20)
    return found


def _place_of(store):
    if isinstance(store, Ledger):
        return FIRST_FOR_LEDGER * _SECTOR, SECTORS * _SECTOR
    if isinstance(store, EventLog):
        return FIRST_FOR_EVENTS * _SECTOR, FIRST_FOR_LEDGER * _SECTOR
    return 0, FIRST_FOR_EVENTS * _SECTOR


def _judge(way, truth, found, memory, image, tally):
    if way is _small_in_one_copy:
        if found != truth:
            _forgive_a_lifted_tally(truth, found, memory, image, tally)
    elif found is not None and way is _at_random and (found[0] > truth[0] or found[1] > truth[1]):
        raise Broken(DOUBLED, f"damage made credit: {found} of {truth}")


def _forgive_a_lifted_tally(truth, found, memory, image, tally):
    """Accept the loss of a tally whose cells read as erased: the meter takes the lower, older count.

    It costs the energy of the tally, in the customer's favour. If a top-up behind the tally has another balance, the
    ledger counts as unreadable. Any other effect of small damage in one copy is a loss.
    """
    if not _lifts_a_tally(memory, image):
        raise Broken(LOST, f"small damage in one copy: {found} of {truth}")
    if found is not None and (found[:2], found[3]) != (truth[:2], truth[3]):
        raise Broken(LOST, f"a tally damaged in one copy: {found} of {truth}")
    if found is not None and not 0 < truth[2] - found[2] <= TALLY_STEPS:
        raise Broken(LOST, f"a tally damaged in one copy: {found[2]} pulses of {truth[2]}")
    tally.add("tallies_lifted")


def _lifts_a_tally(memory, image):
    for at in range(0, len(memory), SLOT_SIZE):
        before, after = memory[at : at + SLOT_SIZE], image[at : at + SLOT_SIZE]
        if before != after and before[0] == _TALLY and any(new & ~old for old, new in zip(before, after)):
            return True
    return False


def _small_in_one_copy(random, image):
    """Change up to 32 neighbouring bytes of one copy."""
    at = random.randrange(len(image) - _SMALL)
    length = random.randrange(1, _SMALL + 1)
    length = min(length, _SECTOR - at % _SECTOR)
    image[at : at + length] = random.choice((b"\xff" * length, bytes(length), random.randbytes(length)))


def _at_random(random, image):
    """Flip, erase or garble regions, pages or whole sectors, or copy them over others."""
    for _ in range(random.choice((1, 2, 5, 30))):
        at = random.randrange(len(image))
        length = random.choice((1, 16, 256, _SECTOR))
        if random.random() < 0.5:
            at = at // length * length
        length = min(length, len(image) - at)
        other = random.randrange(len(image) - length + 1) // 256 * 256
        other = min(other, len(image) - length)
        fill = (b"\xff" * length, bytes(length), random.randbytes(length), image[other : other + length])
        image[at : at + length] = random.choice(fill)


def _by_a_forger(random, image):
    """Change snapshots, headers and records, and correct their checksums."""
    sectors = [sector for sector in range(SECTORS) if image[sector * _SECTOR : sector * _SECTOR + 4] == b"WPJ1"]
    newest = max(sectors, key=lambda sector: (sector >= FIRST_FOR_LEDGER, _sequence_of(image, sector)))
    sector = random.choice((newest, newest, random.choice(sectors)))
    for target in (sector, _twin_of(sector)):
        _forge_sector(randoms.Random(random.getstate()[1][5]), image, target * _SECTOR)
    random.random()


def _forge_sector(random, image, start):
    """Make the same change in both copies: `random` is in the same state for both."""
    _, ring, zero, length, sequence, _ = struct.unpack_from("<4sBBHII", image, start)
    if length > _SECTOR - 64:
        return
    snapshot = bytes(image[start + 32 : start + 32 + length])
    if random.random() < 0.8:
        snapshot = mutated(random, snapshot, [snapshot])[: 3_552 if random.random() < 0.9 else 4_000]
        sequence = (sequence + random.choice((0, 0, 0, 1, 2**31))) % 2**32
    else:
        _forge_record(random, image, start + (32 + length + 255) // 256 * 256, sequence)
    header = bytearray(b"\xff" * 28)
    struct.pack_into("<4sBBHII", header, 0, b"WPJ1", ring, zero, len(snapshot), sequence, crc32(snapshot))
    image[start : start + 32] = header + struct.pack("<I", crc32(header))
    image[start + 32 : start + 32 + len(snapshot)] = snapshot


def _forge_record(random, image, log, sequence):
    number = random.randrange(4)
    slot = bytearray(image[log + 32 * number : log + 32 * number + 32])
    slot[0] = random.randrange(1, 7)
    for _ in range(random.choice((1, 3, 27))):
        slot[random.randrange(1, 28)] = random.choice((0, 255, random.randrange(256)))
    struct.pack_into("<I", slot, 28, crc32(slot[:28], crc32(struct.pack("<IB", sequence, number))))
    image[log + 32 * number : log + 32 * number + 32] = slot


def _sequence_of(image, sector):
    return struct.unpack_from("<I", image, sector * _SECTOR + 8)[0]


def _twin_of(sector):
    """Return the same sector of the other copy."""
    for first, sectors in RINGS:
        if first <= sector < first + 2 * sectors:
            return sector + sectors if sector < first + sectors else sector - sectors
    raise ValueError("no ring has this sector")


def _lived_meter(random):
    """Return a meter that has used every ring all the way round."""
    meter = SmallMeter(random)
    for number in range(1, random.choice((3, 40, 400))):
        token_number = numbered(number % 3, number)
        meter.ledger.credit(token_number, number % 2, 1_000_000 + number, 1, meter.timekeeper.now_s())
        meter.events.note(9, 1, meter.timekeeper.now_s(), number)
        meter.clock.advance_us(3_600_000_000)
        meter.ledger.advance(meter.timekeeper.now_s(), random.randrange(50))
        if number % 30 == 0:
            meter.settings.set("tamper", number)
    return meter
