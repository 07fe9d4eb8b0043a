"""Bluetooth in a whole meter: a technician turns it on, and a phone at the door brings supply."""

import sys
import unittest

from boards.host.chips.aes import aes
from tests.services.bluetooth_port import Phone, ScriptedPort
from tests.stories.story import ContractStory
from tests.stories.whole_meter import METER, METER_KEY
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import advertising, frames, statement, token
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.core.seals import keys

MODULES = ("wattpurse.services.bluetooth", "wattpurse.core.messages.frames")
ASK = frames.frame(frames.BEGIN, 1, 0, frames.begin(frames.STATEMENT))


def delivery(data):
    return (
        frames.frame(frames.BEGIN, 1, 0, frames.begin(frames.TOKEN, data)),
        frames.frame(frames.PART, 2, 0, data),
    )


class TestBluetooth(ContractStory):
    def setUp(self):
        super().setUp()
        self.port = ScriptedPort(self.world.clock)
        self.world.hardware.bluetooth = self.port
        self.world.reset_board()
        self.world.run_for(5)

    def _meet(self, phone):
        self.port.phones.append(phone)
        self.world.run_for(30)
        return [frames.read_result(payload)[1] for kind, _, _, payload in phone.answers() if kind == frames.RESULT]

    def _answer(self, line):
        return "\n".join(self.world.type_line(line))

    def test_a_token_from_a_phone_gives_supply_at_once(self):
        self.technician("bluetooth on")
        self.assertFalse(self.is_lit())
        found = self._meet(Phone(*delivery(self.seal(token.CREDIT_MONEY, 20_000_000))))
        self.assertEqual(found, [outcome.ACCEPTED])
        self.assertTrue(self.is_lit())
        self.assertTrue("ble" in self.type("topups"))

    def test_it_serves_again_after_a_power_cut(self):
        self.technician("bluetooth on")
        self.outage(10)
        self.assertEqual(self._meet(Phone(*delivery(self.seal(token.CREDIT_MONEY, 20_000_000)))), [outcome.ACCEPTED])

    def test_a_meter_whose_bluetooth_was_never_turned_on_does_not_load_it(self):
        loaded = [(name, sys.modules.pop(name)) for name in MODULES if name in sys.modules]
        self.world.reset_board()
        self.world.run_for(60)
        again = [name for name in MODULES if name in sys.modules]
        sys.modules.update(loaded)
        self.assertEqual(again, [])
        self.assertEqual(self.port.advertised, [])

    def test_the_statement_has_the_credit_and_opens_at_the_station_alone(self):
        self.technician("bluetooth on")
        phone = Phone(*delivery(self.seal(token.CREDIT_MONEY, 20_000_000)), ASK)

        def wanted():
            results = [frames.read_result(one[3]) for one in phone.answers() if one[0] == frames.RESULT]
            return frames.fetch(results[-1][3])

        for offset in range(0, 1_100, frames.PAYLOAD_LIMIT):
            phone.words.append(lambda offset=offset: frames.frame(frames.FETCH, 3, offset, wanted()))
        self._meet(phone)
        content = b"".join(payload for kind, _, _, payload in phone.answers() if kind == frames.DATA)
        number, sealed = frames.split_number(content)
        identity = carrier.statement_identity(carrier.BLE, number)
        pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), identity)
        found = statement.open_statement(aes, pair, sealed)
        self.assertEqual((found["meter_number"], found["bought"]), (METER, 20_000_000))

    def test_the_console_turns_it_on_and_off_and_tells(self):
        self.assertTrue("needs a login" in self._answer("bluetooth on"))
        self.assertFalse("bluetooth" in self.type("status"))
        self.assertTrue(f"Wattpurse {METER}" in self.technician("bluetooth on"))
        self.assertTrue("bluetooth" in self.type("status"))
        self.world.run_for(15)
        state = advertising.read_state(self.port.advertised[-1][0][-6:])
        self.assertEqual(state[1], METER)
        self.assertEqual(self.technician("bluetooth off").split("\n")[0], "Bluetooth is off")
        told = len(self.port.advertised)
        self.world.run_for(60)
        self.assertTrue(self.port.stops > 0 and len(self.port.advertised) <= told + 1)
        self.technician("bluetooth on")
        self.world.run_for(30)
        self.assertTrue(len(self.port.advertised) > told + 1)
        noted = [event.number for event in self.world.meter.events.recent(50) if event.code == events.BLUETOOTH_SET]
        self.assertEqual(noted, [1, 0, 1])

    def test_an_image_without_bluetooth_says_so(self):
        self.world.hardware.bluetooth = None
        self.world.reset_board()
        self.world.run_for(5)
        self._answer("login 135790")
        self.assertTrue("this image has no Bluetooth" in self._answer("bluetooth on"))
        self.assertTrue("on|off" in self._answer("bluetooth maybe"))

    def test_a_silent_phone_holds_neither_meter_nor_supply(self):
        self.technician("bluetooth on")
        self._meet(Phone(*delivery(self.seal(token.CREDIT_MONEY, 20_000_000))))
        self._meet(Phone(stays=True))
        self.assertEqual(self.reason(), supply.ON)
        self.assert_all_energy_is_registered()


if __name__ == "__main__":
    unittest.main()
