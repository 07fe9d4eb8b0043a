"""The files that keep the simulated meter between two runs: its cards, its flash, its clock chip and its house."""

import json
import os
import unittest

from boards.host import files
from boards.host.cards.folder import CardFolder
from boards.host.cards.ultralight import UltralightCard
from boards.host.world.state_folder import StateFolder
from boards.host.world.world import World

UID = bytes((4, 2, 3, 4, 5, 6, 7))


class Idler:
    def __init__(self, board):
        self.board = board

    async def run(self):
        while True:
            await self.board.clock.sleep_ms(1000)


class InAFolder(unittest.TestCase):
    def setUp(self):
        self.folder = "build/test-folders-" + os.urandom(8).hex()

    def tearDown(self):
        files.remove_folder(self.folder)


class TestCardFolder(InAFolder):
    def setUp(self):
        super().setUp()
        self.cards = CardFolder(self.folder)
        self._write("tenant", UltralightCard("ntag213", UID).image())

    def _write(self, name, image):
        files.write_whole(f"{self.folder}/{name}.json", json.dumps(image))

    def _memory_in_file(self, name="tenant"):
        with open(f"{self.folder}/{name}.json") as file:
            return bytes.fromhex(json.load(file)["memory"])

    def test_a_card_is_marked_while_it_is_on_the_reader(self):
        self.cards.take("tenant")
        self.assertEqual(sorted(os.listdir(self.folder)), ["tenant.in-field", "tenant.json"])
        self.assertEqual(self.cards.names(), ["tenant"])
        self.cards.put_back()
        self.assertEqual(os.listdir(self.folder), ["tenant.json"])
        self.assertIsNone(self.cards.card)

    def test_data_written_to_a_card_is_in_its_file(self):
        card = self.cards.take("tenant")
        self.assertFalse(self.cards.is_behind)
        card.memory[16:20] = b"new."
        self.assertTrue(self.cards.is_behind)
        self.cards.save()
        self.assertFalse(self.cards.is_behind)
        self.assertEqual(self._memory_in_file()[16:20], b"new.")
        card.memory[16:20] = b"last"
        self.cards.put_back()
        self.assertEqual(self._memory_in_file()[16:20], b"last")

    def test_a_card_that_others_changed_meanwhile_is_read_anew(self):
        self.cards.take("tenant")
        self.cards.put_back()
        other = UltralightCard("ntag213", UID)
        other.memory[20:24] = b"paid"
        self._write("tenant", other.image())
        self.assertEqual(bytes(self.cards.take("tenant").memory[20:24]), b"paid")

    def test_one_card_at_a_time(self):
        self.cards.take("tenant")
        with self.assertRaises(ValueError):
            self.cards.take("tenant")

    def test_a_file_without_a_card_is_refused_and_leaves_no_mark(self):
        self._write("list", [])
        self._write("empty", {})
        files.write_whole(self.folder + "/text.json", "no JSON")
        for name in ("list", "empty", "text"):
            with self.assertRaises(ValueError):
                self.cards.take(name)
        with self.assertRaises(OSError):
            self.cards.take("missing")
        self.cards.take("tenant")
        self.cards.put_back()
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".in-field")], [])

    def test_a_mark_left_by_a_run_that_broke_off_is_cleared(self):
        files.write_whole(self.folder + "/tenant.in-field", "")
        self.assertEqual(CardFolder(self.folder).names(), ["tenant"])
        self.assertEqual(os.listdir(self.folder), ["tenant.json"])

    def test_a_card_on_the_reader_of_one_meter_is_refused_at_another(self):
        self.cards.take("tenant")
        others = CardFolder(self.folder)
        self.assertEqual(sorted(os.listdir(self.folder)), ["tenant.in-field", "tenant.json"])
        with self.assertRaises(ValueError):
            others.take("tenant")
        self.assertEqual(sorted(os.listdir(self.folder)), ["tenant.in-field", "tenant.json"])
        self.cards.put_back()
        others.take("tenant")
        others.put_back()
        self.assertEqual(os.listdir(self.folder), ["tenant.json"])


class TestStateFolder(InAFolder):
    def test_a_second_run_in_the_folder_is_refused_until_the_first_ends(self):
        state = StateFolder(self.folder)
        with self.assertRaises(ValueError) as refused:
            StateFolder(self.folder)
        self.assertIn("another run has the meter in the folder " + self.folder, str(refused.exception))
        state.close()
        StateFolder(self.folder).close()

    def test_a_lock_of_a_run_that_broke_off_holds_nobody_up(self):
        files.make_folder(self.folder)
        files.write_whole(self.folder + "/lock", "")
        StateFolder(self.folder).close()

    def test_the_customer_is_remembered(self):
        state = StateFolder(self.folder)
        state.customer = {"contract": "term", "meter_number": 7, "card": "guest"}
        state.save(World(Idler))
        state.close()
        again = StateFolder(self.folder)
        self.assertEqual(again.customer, {"contract": "term", "meter_number": 7, "card": "guest"})

    def test_a_new_folder_knows_nothing(self):
        state = StateFolder(self.folder)
        self.assertIsNone(state.rest)
        self.assertIsNone(state.memory)

    def test_everything_is_as_it_was(self):
        state = StateFolder(self.folder)
        world = World(Idler)
        world.household.constant_w = 1000
        state.save(world)
        world.run_for(3600)
        world.hardware.flash.program(4096 * 7, b"ledger")
        world.household.extra_w = 500
        world.hardware.relay.contact_closed = False
        world.hardware.relay.welded = True
        world.hardware.magnet.sense(True)
        state.save(world)
        state.close()

        again = StateFolder(self.folder)
        restored = World(Idler, again.rest["utc_s"], True, again.memory)
        again.restore(restored)
        restored.run_for(1)
        self.assertTrue(restored.hardware.flash.memory == world.hardware.flash.memory)  # without a text of both
        self.assertEqual(restored.meter.board.rtc.read(), world.now_s() + 1)
        self.assertEqual(restored.now_s(), world.now_s() + 1)
        self.assertEqual(restored.hardware.source.energy_uj, world.hardware.source.energy_uj)
        self.assertEqual(restored.meter.board.counter.take(), 0)
        self.assertFalse(restored.hardware.relay.contact_closed)
        self.assertEqual(restored.household.extra_w, 500)
        self.assertTrue(restored.hardware.relay.welded)
        sensors = (restored.hardware.cover, restored.hardware.magnet, restored.hardware.reverse_flow)
        self.assertEqual([sensor.senses for sensor in sensors], [False, True, False])

    def test_a_clock_chip_that_was_never_set_stays_so(self):
        state = StateFolder(self.folder)
        state.save(World(Idler, clock_is_set=False))
        state.close()
        again = StateFolder(self.folder)
        restored = World(Idler, again.rest["utc_s"], True, again.memory)
        again.restore(restored)
        restored.run_for(1)
        self.assertIsNone(restored.meter.board.rtc.read())


if __name__ == "__main__":
    unittest.main()
