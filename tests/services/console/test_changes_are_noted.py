"""Every act by PIN or service card is in the event log. A change of the console without an event fails here."""

import asyncio
import unittest

from boards.host.chips.power import BoardReset
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.room_line import RoomLineModel
from boards.host.chips.waves import wave
from boards.host.room import RoomHardware
from tests import samples
from tests.services.bluetooth_port import ScriptedPort
from tests.services.console.console_bench import COMMISSION, METER_KEY, METER_NUMBER, Bench
from wattpurse.core import carrier
from wattpurse.core.guards import tamper
from wattpurse.core.messages import token
from wattpurse.core.money import contract
from wattpurse.core.records import events
from wattpurse.core.seals.keys import token_keys
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.text import time_text
from wattpurse.services.console import commands


def _in_service():
    bench = Bench()
    bench.commission(samples.day_and_night_tariff())
    bench.log_in()
    return bench


def _with_supply():
    bench = _in_service()
    meter = bench.meter
    meter.ledger.credit(1, contract.MONEY, 5_000_000, carrier.CARD, meter.timekeeper.now_s())
    bench.clock.run(meter.switching.step())
    return bench


def _with_tamper():
    bench = _in_service()
    bench.say("terms set tamper_magnet 2")
    bench.meter.guard.latch(tamper.MAGNET)
    return bench


def _with_readout():
    bench = _in_service()
    bench.say("readout on")
    return bench


def _with_radio():
    bench = _in_service()
    bench.hardware.bluetooth = ScriptedPort(bench.clock)
    return bench


def _with_room():
    bench = _in_service()
    bench.hardware.room_line = RoomLineModel(bench.clock, RandomBits(5))
    room = RoomHardware(bench.clock, bench.hardware.room_line)
    bench.say = lambda line: bench.clock.run(_beside(room.run(), bench.meter.console.answer(line)))
    return bench


async def _beside(program, answer):
    running = asyncio.create_task(program)
    try:
        return await answer
    finally:
        running.cancel()


def _blank():
    bench = Bench()
    bench.meter.stores.test_flash = lambda by_records: ()
    return bench


def _unreadable():
    bench = _in_service()
    memory = bench.hardware.flash.memory
    for sector in range(24, 72):
        memory[sector * 4096 : sector * 4096 + 64] = bytes(64)
    bench.restart()
    bench.log_in()
    return bench


def _with_clamps(load_w, lag_degrees=0):
    bench = _with_supply()
    bench.hardware.source.set_load_w(load_w)
    if bench.say("calibrate ct").startswith("refused"):
        raise ValueError("no clamps")
    clamps = bench.hardware.clamps
    clamps.hold()
    for leg in clamps.inputs.legs:
        leg.amp_wave = wave(lag_degrees)
        leg.amps = load_w / 240 / max(0.5, 1 - lag_degrees / 120)
    bench.meter.clamps.front_end.begin_measurement()
    for _ in range(60):
        bench.clock.advance_us(100_000)
        bench.meter.metering.step()
    bench.meter.clamps.measurements = bench.meter.clamps.front_end.end_measurement()
    return bench


def _measured():
    return _with_clamps(2_000)


def _measured_lagging():
    return _with_clamps(1_000, 60)


def _measured_without_load():
    return _with_clamps(0)


def _token(bench, microunits=1_000_000):
    aes = bench.meter.board.aes
    made = token.make(token.CREDIT_MONEY, microunits)
    return token.seal_token(aes, token_keys(aes, METER_KEY), 0, METER_NUMBER, 2, *made).hex()


def _in_five_minutes(bench):
    return time_text(bench.meter.timekeeper.now_s() + 300, Zone(0))


# The name of a command: a meter on which it changes something, the arguments, the event that it leaves.
ACTS = {
    "token": (_in_service, _token, token.event_code(token.CREDIT_MONEY)),
    "tariff set": (_in_service, lambda _: samples.flat_tariff(version=9).hex(), events.TARIFF_SENT),
    "contract set": (_in_service, lambda _: "prepaid-energy", events.CONTRACT_CHANGED),
    "clock set": (_in_service, _in_five_minutes, events.CLOCK_SET),
    "calibrate": (_in_service, lambda _: "1000", events.CALIBRATED),
    "terms set": (_in_service, lambda _: "low_credit_mwh 1", events.TERM_CHANGED),
    "display delay": (_in_service, lambda _: "50", events.SETTING_CHANGED),
    "keypad": (_in_service, lambda _: "on", events.SETTING_CHANGED),
    "network set": (_in_service, lambda _: "modem meters.example", events.NETWORK_SET),
    "display order": (_in_service, lambda _: "straight", events.SETTING_CHANGED),
    "bluetooth": (_with_radio, lambda _: "on", events.BLUETOOTH_SET),
    "relay test": (_with_supply, lambda _: "", events.RELAY_TEST),
    "supply test": (_in_service, lambda _: "5", events.SUPPLY_TEST),
    "reset-tamper": (_with_tamper, lambda _: "", events.TAMPER_CLEARED),
    "commission": (_blank, lambda _: COMMISSION.partition(" ")[2], events.COMMISSIONED),
    "erase-ledger": (_unreadable, lambda _: str(METER_NUMBER), events.LEDGER_ERASED),
    "ct gain": (_measured, lambda _: "L1 1000", events.CLAMPS_SET),
    "ct phase": (_measured_lagging, lambda _: "L2 500", events.CLAMPS_SET),
    "mqtt broker": (_in_service, lambda _: "192.0.2.1", events.SETTING_CHANGED),
    "mqtt user": (_in_service, lambda _: "meter", events.SETTING_CHANGED),
    "mqtt password": (_in_service, lambda _: "secret", events.SETTING_CHANGED),
    "mqtt ca": (_in_service, lambda _: "3000", events.SETTING_CHANGED),
    "mqtt every": (_in_service, lambda _: "30", events.SETTING_CHANGED),
    "mqtt dns": (_in_service, lambda _: "192.0.2.1", events.SETTING_CHANGED),
    "mqtt home-assistant": (_in_service, lambda _: "on", events.SETTING_CHANGED),
    "mqtt off": (_in_service, lambda _: "", events.SETTING_CHANGED),
    "ct offset": (_measured_without_load, lambda _: "L1", events.CLAMPS_SET),
    "ct set": (_measured, lambda _: "nominal 230", events.CLAMPS_SET),
    "readout on": (_in_service, lambda _: "", events.READOUT_SET),
    "readout off": (_with_readout, lambda _: "", events.READOUT_SET),
    "readout address": (_in_service, lambda _: "WEG7", events.READOUT_SET),
    "readout password": (_in_service, lambda _: "geheim2026", events.READOUT_SET),
    "reader room": (_with_room, lambda _: "", events.SETTING_CHANGED),
    "reader own": (_in_service, lambda _: "", events.SETTING_CHANGED),
    "pin": (_in_service, lambda _: "5555", events.PIN_CHANGED),
    "reboot": (_in_service, lambda _: "", events.RESTART_ORDERED),
    "logout": (_in_service, lambda _: "", events.LOGOUT),
    "login": (_in_service, lambda _: "271828", events.LOGIN),
}
_READING = ("help", "display test", "ct measure")


class TestEveryActIsNoted(unittest.TestCase):
    def acts_of(self, bench):
        """Return the names of all commands but those that only read."""
        session = bench.meter.console._session
        return [entry[0] for entry in commands.CHANGES + session if entry[0] not in _READING]

    def test_every_change_of_the_console_leaves_an_event(self):
        for name in self.acts_of(Bench()):
            self.assertIn(name, ACTS, name + " has no event; give it one, and a line in ACTS")
            make, arguments, code = ACTS[name]
            bench = make()
            place = bench.meter.events.place
            try:
                answer = bench.say((name + " " + arguments(bench)).rstrip())
            except BoardReset:
                answer = ""
            self.assertFalse(answer.startswith("refused"), name + ": " + answer)
            noted = bench.event_codes(max(1, bench.meter.events.place - place))
            self.assertIn((code, carrier.CONSOLE), noted, name)

    def test_a_token_and_a_pin_that_are_refused_are_noted_too(self):
        bench = _in_service()
        bench.say("token " + _token(bench, -1))
        self.assertEqual(bench.event_codes(1), [(events.TOKEN_REFUSED, carrier.CONSOLE)])
        bench.say("login 0000")
        self.assertEqual(bench.event_codes(1), [(events.LOGIN_REFUSED, carrier.CONSOLE)])


if __name__ == "__main__":
    unittest.main()
