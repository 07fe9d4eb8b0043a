"""Bad tariff tables: the meter refuses every table that `encode` does not write, and can use every other."""

import random as randoms
import struct
from binascii import crc32

from tests import samples
from tests.proof.campaign import BROKEN_RULES, ESCAPES, Broken
from tests.proof.mutation import bound_heap, mutated
from wattpurse.core.tariffs import table as tariff_table
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.tariffs.tariff import Tariff

NAME = "bad-tariffs"
ABOUT = "tariff tables damaged and forged, with corrected checksums"
SHORT_CASES = 200
LONG_CASES = 5_000

_BATCH = 200
_HEAP_LIMIT = 64 * 1024
_LONGEST = 0xFFFF
_HUGE = 1 << 20
_LONGEST_STRETCH_S = 27 * 3600


def run_case(seed: int, tally):
    """Try a batch of tables."""
    random = randoms.Random(f"{NAME} {seed}")
    tables = _valid_tables()
    for _ in range(_BATCH):
        table = mutated(random, random.choice(tables), tables)
        if random.random() < 0.9:
            table = sealed(table)
        if _is_accepted(table):
            tally.add("accepted")
            _ask(random, table)
        tally.cases += 1
        tally.faults += 1
    for long in (table, sealed(table + random.randbytes(_LONGEST - len(table))), table + bytes(_HUGE)):
        bound_heap(tally, _HEAP_LIMIT, _is_accepted, long)


def sealed(table: bytes) -> bytes:
    """Return the table with correct length and checksum, as a forger would make it."""
    if len(table) < 10 or len(table) > 0xFFFF:
        return table
    framed = table[:4] + struct.pack("<H", len(table)) + table[6:-4]
    return framed + struct.pack("<I", crc32(framed))


def _is_accepted(table):
    try:
        Tariff(table)
    except ValueError:
        return False
    except struct.error as error:
        raise Broken(ESCAPES, f"{error!r} for {table.hex()}")
    return True


def _ask(random, table):
    """Ask the table everything that a meter asks of its tariff, at any time and at any consumption."""
    if tariff_table.encode(tariff_table.decode(table)) != table:
        raise Broken(BROKEN_RULES, f"a table that encode would not have written: {table.hex()}")
    tariff = Tariff(table)
    for _ in range(3):
        now_s = random.choice((0, 2**31, 2**32 - 1, random.randrange(2**32)))
        rate = tariff.rate_at(now_s)
        block, price, room_mwh = tariff.price(rate, random.randrange(2**48), random.randrange(2**48))
        ahead_s = tariff.next_change_s(now_s) - now_s
        fine = 0 <= rate < tariff.rate_count and 0 < ahead_s <= _LONGEST_STRETCH_S and price >= 0 and block >= -1
        if not fine or (room_mwh is not None and room_mwh <= 0):
            raise Broken(BROKEN_RULES, f"{rate}, {ahead_s} s, {block}, {price}, {room_mwh} at {now_s}: {table.hex()}")


def _valid_tables():
    southern = Zone(570, (10, 1, 6, 120), (4, 1, 6, 180), False, 30)
    blocks = (("A", (1, 2, 3, 4, 5, 6), (10, 20, 30, 40, 50)), ("B", (1 << 40,), ()))
    return [
        samples.flat_tariff(),
        samples.day_and_night_tariff(),
        samples.flat_tariff(zone=southern, rates=blocks, holidays=((1, 1, 0), (12, 25, 0), (2, 29, 2028))),
        samples.day_and_night_tariff(seasons=((3, 1, (0,) * 8), (11, 15, (0,) * 8)), allowance_mwh=(1 << 48) - 1),
    ]
