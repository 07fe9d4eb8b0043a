"""A state that a start tells of stands in both copies, and no cell that changes its mind later takes it back."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from tests.core.journal.owner import Owner
from wattpurse.core.journal import journal, slots
from wattpurse.core.journal.ring import PAGE_SIZE, SECTOR_SIZE
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.records.settings import Settings

HEADER = 32
MONEY = 0
KEPT = 20


def new_flash(sectors, seed=1):
    return FlashModel(VirtualClock(), 2 * sectors, RandomBits(seed))


def copy_of(flash, seed=2):
    return FlashModel(VirtualClock(), flash.sector_count, RandomBits(seed), bytearray(flash.memory))


def created(flash, sectors):
    owner = Owner(flash, sectors, KEPT)
    owner.journal.create()
    owner.journal.mark_firm()
    return owner


def started(flash, sectors):
    owner = Owner(flash, sectors, KEPT)
    owner.recover()
    return owner


def is_header(flash, sector):
    return flash.memory[sector * SECTOR_SIZE : sector * SECTOR_SIZE + 3] == b"WPJ"


def cut_in_header_of_a_start(flash, sectors, number=1):
    """Start until the `number`-th program of a header, behind which power fails; False if there was none."""
    seen = []

    def is_last(_address, data):
        if data[:3] == b"WPJ":
            seen.append(data)
        return len(seen) == number

    return cut_in_start(flash, sectors, is_last)


def cut_in_start(flash, sectors, is_last):
    """Start until a program that is the last, behind which power fails; False if there was none."""
    program = flash.program

    def program_cut(address, data):
        if is_last(address, bytes(data)):
            flash.faults.plan_cut(1, 1000, "none")
        program(address, data)

    flash.program = program_cut
    try:
        started(flash, sectors)
    except PowerCut:
        return True
    finally:
        flash.program = program
    return False


class ChangingFlash(FlashModel):
    """Flash where a first page whose change was cut off reads otherwise at each boot.

    It reads as before or behind the change, at times with a cell of its header or of its snapshot changed too. One of
    two changes of a first page is cut off while `cuts` is above 0.
    """

    def __init__(self, sectors, seed):
        super().__init__(VirtualClock(), 2 * sectors, RandomBits(seed))
        self.random = RandomBits(seed + 1000)
        self.cuts = 0
        self.doubtful = {}

    def boot(self):
        for start, (before, behind, damage) in self.doubtful.items():
            page = bytearray((before, behind)[self.random.below(2)])
            place = (None, HEADER - 1, HEADER, HEADER)[self.random.below(4)]
            if place is not None:
                page[place] = damage
            self.memory[start : start + PAGE_SIZE] = page

    def program(self, address, data):
        before = self._first_page(address)
        super().program(address, data)
        if address % SECTOR_SIZE < PAGE_SIZE:
            self._may_cut(address, before, 0x00)

    def erase(self, sector):
        before = self._first_page(sector * SECTOR_SIZE)
        super().erase(sector)
        self._may_cut(sector * SECTOR_SIZE, before, 0xFF)

    def _first_page(self, address):
        start = address // SECTOR_SIZE * SECTOR_SIZE
        return bytes(self.memory[start : start + PAGE_SIZE])

    def _may_cut(self, address, before, damage):
        start = address // SECTOR_SIZE * SECTOR_SIZE
        if start // SECTOR_SIZE in self.faults.bad_sectors:
            return
        if self.cuts and self.random.below(2) == 0:
            self.cuts -= 1
            self.doubtful[start] = (before, self._first_page(start), damage)
            raise PowerCut("power failed while flash was changed")
        self.doubtful.pop(start, None)


class TestStartsAreFirm(unittest.TestCase):
    def _every_cut(self, begin, change, value):
        """Cut `change` everywhere; the state that the next start tells of must stand in either copy alone."""
        sectors = 4
        seen = []
        for depth in (0, 500, 1000):
            operation = 1
            while True:
                flash = new_flash(sectors, operation)
                store = begin(flash)
                flash.faults.plan_cut(operation, depth, "none")
                try:
                    change(store)
                    break
                except PowerCut:
                    operation += 1
                start = copy_of(flash)
                told = value(start)
                seen.append(told)
                for copy in range(2):
                    alone = copy_of(start)
                    first = copy * sectors * SECTOR_SIZE
                    alone.memory[first : first + sectors * SECTOR_SIZE] = b"\xff" * (sectors * SECTOR_SIZE)
                    self.assertEqual(value(alone), told, (operation, depth, copy))
        self.assertTrue(len(set(seen)) == 2, seen)

    def test_settings(self):
        def begin(flash):
            settings = Settings(flash, 0, 4)
            settings.create()
            settings.set_all((("meter_key", b"old"), ("key_version", 1)))
            return settings

        def value(flash):
            settings = Settings(flash, 0, 4)
            settings.open()
            return settings.get("meter_key"), settings.get("key_version")

        self._every_cut(begin, lambda settings: settings.set_all((("meter_key", b"new"), ("key_version", 2))), value)
        self._every_cut(begin, lambda settings: settings.set("key_version", 2), value)

    def test_records(self):
        def begin(flash):
            owner = created(flash, 4)
            owner.record(1)
            return owner

        self._every_cut(begin, lambda owner: owner.record(2), lambda flash: tuple(started(flash, 4).numbers))

    def test_a_start_of_settings_writes_nothing_where_nothing_is_doubtful(self):
        flash = new_flash(4)
        settings = Settings(flash, 0, 4)
        settings.create()
        settings.set("key_version", 7)
        before = bytes(flash.memory)
        for _ in range(3):
            settings = Settings(flash, 0, 4)
            settings.open()
            self.assertEqual(settings.get("key_version"), 7)
        self.assertEqual(before, bytes(flash.memory))

    def test_a_cell_of_settings_that_rots_is_made_firm_again(self):
        flash = new_flash(4)
        settings = Settings(flash, 0, 4)
        settings.create()
        settings.set("key_version", 7)
        for place in (4, HEADER, 256 + 3, 256 + slots.SLOT_SIZE + 3):
            for copy in range(2):
                flash.memory[copy * 4 * SECTOR_SIZE + place] ^= 1
                again = Settings(flash, 0, 4)
                again.open()
                self.assertEqual(again.get("key_version"), 7)


class TestStartsOfTheLedger(unittest.TestCase):
    """The second of two starts without energy writes nothing, and no later cut changes the state that it told."""

    SECTORS = 4

    def _opened(self, flash):
        ledger = Ledger(flash, 0, self.SECTORS)
        ledger.open()
        return ledger

    def _told(self, flash):
        account = self._opened(flash).account
        return account.pulses_total, account.money.bought, account.tokens.top()

    def _created(self, seed=1):
        flash = new_flash(self.SECTORS, seed)
        ledger = Ledger(flash, 0, self.SECTORS)
        ledger.create(samples.new_account())
        return flash, ledger

    def test_a_thousand_starts_without_energy_erase_and_program_nothing(self):
        flash, ledger = self._created()
        ledger.advance(ledger.account.time_s, 45)
        self._opened(flash)
        before, erases = bytes(flash.memory), list(flash.erases)
        for _ in range(1_000):
            ledger = self._opened(flash)
            ledger.advance(ledger.account.time_s + 1, 0)
            self.assertFalse(ledger.prepare())
        self.assertEqual((bytes(flash.memory), flash.erases), (before, erases))
        self.assertEqual(ledger.account.pulses_total, 45)

    def test_a_start_with_energy_erases_one_sector_of_each_copy(self):
        flash, ledger = self._created()
        erases = sum(flash.erases)
        for _ in range(100):
            ledger = self._opened(flash)
            for _ in range(40):
                ledger.advance(ledger.account.time_s, 1)
                ledger.prepare()
        self.assertEqual(ledger.account.pulses_total, 100 * 40)
        self.assertTrue(sum(flash.erases) - erases <= 2 * 100, sum(flash.erases) - erases)

    def test_what_a_start_in_place_told_stands_whatever_cut_came_before_and_comes_after(self):
        for write in (
            lambda ledger: ledger.advance(ledger.account.time_s, 30),
            lambda ledger: ledger.credit(1, MONEY, 10_000, 1, ledger.account.time_s),
            lambda ledger: ledger.change(lambda account: account.mark_token(1)),
        ):
            for depth in (0, 300, 500, 970, 1000):
                operation = 1
                while self._cut(write, operation, depth):
                    operation += 1
                self.assertTrue(operation > 2)

    def _cut(self, write, operation, depth):
        """Cut `write` behind a start in place; False if it was over before. Each later start tells the same."""
        flash, _ = self._created(operation)
        ledger = self._opened(flash)
        flash.faults.plan_cut(operation, depth, "page")
        try:
            write(ledger)
            return False
        except PowerCut:
            pass
        told = self._told(flash)
        for _ in range(6):
            self.assertEqual(self._told(flash), told, (operation, depth))
        return True


class TestGhosts(unittest.TestCase):
    """Headers whose programming was cut off, and that read torn at one start and whole at another."""

    def _ghosts(self, flash, sectors):
        """Return the first copies of sectors whose second copy does not have the same header."""
        found = []
        for index in range(sectors):
            first, second = index * SECTOR_SIZE, (sectors + index) * SECTOR_SIZE
            if (
                is_header(flash, index)
                and flash.memory[first : first + HEADER] != flash.memory[second : second + HEADER]
            ):
                found.append(first)
        return found

    def test_one_that_comes_back_takes_no_later_record_with_it(self):
        for sectors in (3, 4, 6):
            for cuts in (1, 2, 3, 7, 20):
                for torn in range(4):
                    flash = new_flash(sectors)
                    created(flash, sectors).record(1)
                    for _ in range(cuts):
                        self.assertTrue(cut_in_header_of_a_start(flash, sectors))
                    ghosts = [place for number, place in enumerate(self._ghosts(flash, sectors)) if torn >> number & 1]
                    for place in ghosts:
                        flash.memory[place + 28] ^= 0x10
                    is_torn = {place: bytes(flash.memory[place : place + HEADER]) for place in ghosts}
                    owner = started(flash, sectors)
                    self.assertEqual(owner.numbers, [1])
                    owner.record(2)
                    for place in ghosts:
                        if flash.memory[place : place + HEADER] == is_torn[place]:
                            flash.memory[place + 28] ^= 0x10
                    self.assertEqual(started(flash, sectors).numbers, [1, 2], (sectors, cuts, torn))

    def test_no_row_of_cuts_reaches_the_only_sound_sector(self):
        for sectors in (3, 4, 6):
            flash = new_flash(sectors)
            created(flash, sectors).record(1)
            for _ in range(3 * sectors):
                self.assertTrue(cut_in_header_of_a_start(flash, sectors))
                torn = copy_of(flash)
                for place in self._ghosts(torn, sectors):
                    torn.memory[place + 28] ^= 0x10
                self.assertEqual(started(torn, sectors).numbers, [1])

    def test_two_of_one_number_damaged_in_both_copies_hide_no_sound_sector(self):
        """Cut three starts: the second copy is torn, the first is written anew, and is torn; then both read whole."""
        sectors, index = 4, 1
        flash = new_flash(sectors)
        created(flash, sectors).record(1)
        first, second = index * SECTOR_SIZE, (sectors + index) * SECTOR_SIZE
        self.assertTrue(cut_in_header_of_a_start(flash, sectors, 2))
        flash.memory[second + HEADER] ^= 0x10
        flash.memory[second + 28] ^= 0x10
        self.assertTrue(cut_in_header_of_a_start(flash, sectors))
        flash.memory[first + 28] ^= 0x10
        self.assertTrue(cut_in_header_of_a_start(flash, sectors))
        flash.memory[first + HEADER] ^= 0x10
        flash.memory[second + 28] ^= 0x10
        self.assertEqual(self._ghosts(flash, sectors), [])  # the headers are whole and the same
        owner = started(flash, sectors)
        self.assertEqual(owner.numbers, [1])
        owner.record(2)
        self.assertEqual(started(flash, sectors).numbers, [1, 2])

    def test_an_entry_in_a_sector_whose_headers_were_killed_is_no_lost_newer_log(self):
        """The entry was being written when power failed: torn while starts kill the sector, whole later."""
        sectors, passed_over, index = 4, 1, 2
        flash = new_flash(sectors)
        created(flash, sectors).record(1)
        flash.faults.bad_sectors.add(sectors + passed_over)
        first, second = index * SECTOR_SIZE, (sectors + index) * SECTOR_SIZE
        self.assertTrue(cut_in_start(flash, sectors, lambda address, _: address == first + PAGE_SIZE))
        flash.memory[first + PAGE_SIZE + 28] ^= 0x10
        self.assertTrue(cut_in_start(flash, sectors, lambda address, data: (address, data) == (second, bytes(HEADER))))
        self.assertTrue(cut_in_header_of_a_start(flash, sectors))
        self.assertTrue(is_header(flash, passed_over))
        flash.memory[first + PAGE_SIZE + 28] ^= 0x10
        owner = started(flash, sectors)
        self.assertEqual(owner.numbers, [1])
        owner.record(2)
        self.assertEqual(started(flash, sectors).numbers, [1, 2])

    def test_no_row_of_starts_that_are_cut_off_anywhere_hides_the_sound_sector(self):
        for seed in range(40):
            sectors = (3, 4, 6)[seed % 3]
            flash = ChangingFlash(sectors, seed)
            created(flash, sectors).record(0)
            if seed % 2:
                flash.faults.bad_sectors.add(1 + flash.random.below(2 * sectors - 1))
            for told in range(4):
                flash.cuts = 60
                while not self._starts(flash, sectors):
                    pass
                flash.cuts = 0
                flash.boot()
                owner = started(flash, sectors)
                self.assertEqual(owner.numbers, list(range(told + 1)), (sectors, seed))
                owner.record(told + 1)

    @staticmethod
    def _starts(flash, sectors):
        flash.boot()
        try:
            started(flash, sectors)
        except PowerCut:
            return False
        return True

    def test_a_roll_that_is_denied_leaves_no_ghost(self):
        sectors = 4
        flash = new_flash(sectors)
        owner = created(flash, sectors)
        owner.record(1)
        flash.faults.bad_sectors.update(range(sectors, 2 * sectors))
        owner.numbers.append(2)
        with self.assertRaises(OSError):
            owner.journal.roll()
        flash.faults.bad_sectors.clear()
        self.assertEqual(started(flash, sectors).numbers, [1])


class TestOneCopyTakesNothing(unittest.TestCase):
    def test_steps_that_were_acknowledged_are_there(self):
        for copy in range(2):
            for first_steps in (0, 7):
                flash = new_flash(4)
                owner = created(flash, 4)
                if first_steps:
                    owner.count(first_steps)
                flash.faults.bad_sectors.add(4 * copy + owner.journal._index)
                owner.count(30)
                self.assertEqual(started(flash, 4).steps, first_steps + 30)

    def test_so_are_records(self):
        for copy in range(2):
            flash = new_flash(4)
            owner = created(flash, 4)
            flash.faults.bad_sectors.add(4 * copy + owner.journal._index)
            owner.record(5)
            self.assertEqual(started(flash, 4).numbers, [5])
            self.assertTrue(owner.journal.degraded)

    def test_a_cut_in_what_is_written_next_makes_nothing_unreadable(self):
        for depth in (0, 100, 500, 900):
            for operation in range(1, 12):
                flash = new_flash(4, operation)
                owner = created(flash, 4)
                flash.faults.bad_sectors.add(owner.journal._index)
                flash.faults.plan_cut(operation, depth, "page")
                try:
                    owner.count(40)
                except PowerCut:
                    pass
                flash.faults.operations_to_cut = None
                self.assertTrue(0 <= started(flash, 4).steps <= 40)


class TestRot(unittest.TestCase):
    def test_a_cell_of_a_tally_that_rots_costs_no_credit(self):
        """Try every cleared cell of a tally with a top-up behind it, in either copy: the balance tells the count."""
        flash = new_flash(4)
        ledger = Ledger(flash, 0, 4)
        ledger.create(samples.new_account())
        now_s = ledger.account.time_s
        ledger.advance(now_s, 45)
        ledger.credit(1, MONEY, 10_000_000, 1, now_s)
        pulses = ledger.account.pulses_total
        index = ledger._journal._index
        flipped = 0
        for copy in range(2):
            log = (4 * copy + index) * SECTOR_SIZE + ledger._journal._log_at
            for at in range(log, log + 3 * slots.SLOT_SIZE):
                for bit in range(8):
                    if flash.memory[at] >> bit & 1:
                        continue
                    torn = copy_of(flash)
                    torn.memory[at] |= 1 << bit
                    again = Ledger(torn, 0, 4)
                    again.open()
                    self.assertEqual(again.account.money.bought, 10_000_000)
                    self.assertEqual(again.account.pulses_total, pulses)
                    flipped += 1
        self.assertTrue(flipped > 100)


class TestDeadSectors(unittest.TestCase):
    SECTORS = 24

    def _erases_of_a_roll(self, copies, dead):
        flash = new_flash(self.SECTORS)
        owner = created(flash, self.SECTORS)
        owner.record(1)
        for copy in copies:
            flash.faults.bad_sectors.update(range(self.SECTORS * copy + 1, self.SECTORS * copy + 1 + dead))
        erases = sum(flash.erases)
        owner.journal.roll()
        return sum(flash.erases) - erases

    def test_a_roll_erases_few_sectors_however_many_take_nothing(self):
        for copies in ((0,), (1,), (0, 1)):
            for dead in (1, 10, 22):
                self.assertTrue(self._erases_of_a_roll(copies, dead) <= 4, (copies, dead))

    def test_where_erasing_fails_everywhere_it_gives_up_before_the_watchdog(self):
        flash = new_flash(self.SECTORS)
        owner = created(flash, self.SECTORS)
        owner.record(1)
        for sector in range(2 * self.SECTORS):
            if not is_header(flash, sector):  # a cell that no erase raises any more
                flash.memory[sector * SECTOR_SIZE + 600] = 0
        flash.erase = self._counted(flash)
        with self.assertRaises(OSError):
            owner.journal.roll()
        self.assertTrue(flash.attempts <= journal.ERASES_AT_ONCE, flash.attempts)
        self.assertTrue(flash.attempts * 400 < 8_000)

    @staticmethod
    def _counted(flash):
        flash.attempts = 0

        def erase(sector):
            flash.attempts += 1

        return erase


if __name__ == "__main__":
    unittest.main()
