"""The readout head of a whole meter in virtual time: every message of mode C, timing, password and refusals."""

import unittest

from tests import samples
from tests.services.readout_bench import ReaderBench, command, data_set_in, registers_in
from wattpurse import stores
from wattpurse.core import carrier
from wattpurse.core.money import contract
from wattpurse.core.records import events
from wattpurse.core.text import time_text
from wattpurse.services.console.facts import zone_of


def local(meter):
    """Return the meter's local time as YYMMDDhhmmss."""
    text = time_text(meter.timekeeper.now_s(), zone_of(meter))
    return text[2:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19]


class TestReadout(unittest.TestCase):
    def setUp(self):
        self.reader = ReaderBench()
        self.meter = self.reader.meter
        self.line = self.reader.line

    def tearDown(self):
        self.assertEqual(self.reader.bench.hardware.violations(), [])
        money = self.meter.ledger.account.money
        self.assertEqual((money.bought, money.balance), (0, 0))

    def session(self, script):
        return self.reader.session(script)

    def readout(self):
        """Return the registers of a whole readout."""

        async def read(reader):
            await reader.sign_on()
            return registers_in((await reader.choose(b"0")).data)

        return self.session(read)

    def test_a_sign_on_is_answered_with_the_identification_in_time(self):
        answer = self.session(lambda reader: reader.sign_on())
        self.assertEqual(answer.data[:18], b"/WPS5\\@WATTPURSE\r\n")
        self.assertTrue(200 <= answer.reaction_ms <= 1_500, answer.reaction_ms)

    def test_the_readout_has_every_register_in_one_valid_block(self):
        meter = self.meter
        meter.ledger.change(lambda account: account.registers.add_energy(0, 3_703_703_673))
        found = self.readout()
        self.assertEqual(found["1.8.0"], ["003703.703*kWh"])
        self.assertEqual(found["1.8.1"], ["003703.703*kWh"])
        self.assertEqual(found["1.9.0"], ["003703.703*kWh"])
        self.assertEqual(found["C.1.0"], ["40123"])
        self.assertEqual(found["0.0.0"], ["40123"])
        self.assertEqual(found["F.F"], ["00000000"])
        self.assertEqual(found["0.2.0"], [meter.version])
        self.assertEqual(found["0.9.2"], [local(meter)[:6]])
        self.assertEqual(len(found["0.9.1"][0]), 6)
        self.assertNotIn("2.8.0", found)  # no register counts energy that flows out

    def test_the_block_follows_the_option_in_time_at_the_new_speed_without_a_gap(self):
        async def read(reader):
            await reader.sign_on()
            return await reader.choose(b"0")

        answer = self.session(read)
        self.assertTrue(900 <= answer.reaction_ms <= 1_400, answer.reaction_ms)  # readers reopen their port until then
        self.assertTrue(answer.longest_gap_ms < 1_500)
        self.assertIn("1.8.0", registers_in(answer.data))

    def test_a_reader_that_chooses_nothing_gets_the_readout_at_300_baud(self):
        async def read(reader):
            begun_us = reader.clock.now_us
            answer = await reader.ask(b"/?!\r\n")
            identification, _, block = answer.data.partition(b"\r\n")
            if not block:
                block = (await reader.listen(reader.clock.now_us)).data
            return identification, block, reader.clock.now_us - begun_us

        identification, block, took_us = self.session(read)
        self.assertEqual(identification, b"/WPS5\\@WATTPURSE")
        self.assertIn("1.8.0", registers_in(block))
        self.assertTrue(took_us > len(block) * 33_000)

    def test_the_option_for_300_baud_keeps_the_speed(self):
        async def read(reader):
            await reader.sign_on()
            return await reader.choose(b"0", b"0", 300)

        self.assertIn("1.8.0", registers_in(self.session(read).data))

    def test_a_block_that_arrived_damaged_is_sent_again_but_not_for_ever(self):
        async def read(reader):
            await reader.sign_on()
            first = await reader.choose(b"0")
            again = await reader.ask(b"\x15")
            third = await reader.ask(b"\x15")
            fourth = await reader.ask(b"\x15")
            return first.data, again.data, third.data, fourth.data

        first, again, third, fourth = self.session(read)
        for later in (again, third):
            self.assertEqual(registers_in(later)["1.8.0"], registers_in(first)["1.8.0"])
        self.assertEqual(fourth, b"")

    def test_a_sign_on_for_another_meter_is_not_answered_and_one_for_this_meter_is(self):
        for address, is_answered in ((b"40123", True), (b"0000040123", True), (b"40124", False), (b"4012", False)):
            answer = self.session(lambda reader, address=address: reader.sign_on(b"/?" + address + b"!\r\n"))
            self.assertEqual(answer.data != b"", is_answered, address)

    def test_a_device_address_of_its_own_replaces_the_number(self):
        self.reader.bench.log_in()
        self.assertIn("WEG7", self.reader.bench.say("readout address WEG7"))
        self.assertEqual(self.session(lambda reader: reader.sign_on(b"/?40123!\r\n")).data, b"")
        self.assertTrue(self.session(lambda reader: reader.sign_on(b"/?WEG7!\r\n")).data)
        self.assertEqual(self.readout()["0.0.0"], ["WEG7"])

    def test_a_head_that_hears_its_own_light_is_not_confused(self):
        self.line.hears_itself = True
        self.assertIn("1.8.0", self.readout())

        async def read(reader):
            await reader.program()
            return await reader.command("R1", "1.8.0()")

        self.assertEqual(data_set_in(self.session(read)), "1.8.0(000000.000*kWh)")

    def test_programming_mode_asks_for_the_password_and_names_the_meter(self):
        answer = self.session(lambda reader: reader.program())
        self.assertEqual(answer.data[:1], b"\x01")
        self.assertEqual(answer.data[1:-1], b"P0\x02(40123)\x03")
        self.assertTrue(900 <= answer.reaction_ms <= 1_400, answer.reaction_ms)

    def test_single_registers_are_read_without_a_password(self):
        async def read(reader):
            await reader.program()
            first = await reader.ask(command("R1", "C.1.0()"))
            return first, await reader.ask(command("R5", "1.8.1(1)"))

        answers = self.session(read)
        self.assertEqual([data_set_in(one.data) for one in answers], ["C.1.0(40123)", "1.8.1(000000.000*kWh)"])
        for answer in answers:
            self.assertTrue(200 <= answer.reaction_ms <= 1_500, answer.reaction_ms)

    def test_what_the_meter_does_not_know_is_an_error_and_the_session_goes_on(self):
        async def read(reader):
            await reader.program()
            unknown = (
                ("R1", "2.8.0()"),
                ("R2", "1.8.0()"),
                ("E2", "1.8.0()"),
                ("P2", "(0000)"),
                ("R1", "1.8.0"),
                ("R1", None),
                ("W1", "0.9.1(100000)"),
            )
            return await reader.texts(unknown), data_set_in(await reader.command("R1", "C.1.0()"))

        refused, after = self.session(read)
        self.assertEqual(refused, ["(ER01)", "(ER02)", "(ER02)", "(ER02)", "(ER03)", "(ER03)", "(ER04)"])
        self.assertEqual(after, "C.1.0(40123)")

    def test_a_command_with_a_wrong_check_is_asked_for_again_and_three_of_them_end_the_session(self):
        async def read(reader):
            await reader.program()
            damaged = command("R1", "1.8.0()")[:-1] + b"\x00"
            first = await reader.ask(damaged)
            right = await reader.command("R1", "1.8.0()")
            rest = []
            for _ in range(3):
                rest.append((await reader.ask(damaged)).data)
            return first.data, data_set_in(right), rest, (await reader.ask(command("R1", "1.8.0()"))).data

        first, right, rest, after = self.session(read)
        self.assertEqual((first, right), (b"\x15", "1.8.0(000000.000*kWh)"))
        self.assertEqual(rest, [b"\x15", b"\x15", b"\x01B0\x03q"])
        self.assertEqual(after, b"")

    def test_an_answer_is_sent_again_when_the_reader_asks_for_that(self):
        async def read(reader):
            await reader.program()
            first = await reader.command("R1", "C.1.0()")
            return first, (await reader.ask(b"\x15")).data

        first, again = self.session(read)
        self.assertEqual(again, first)

    def test_a_break_ends_the_session_and_the_next_one_begins_at_300_baud(self):
        async def read(reader):
            await reader.program()
            ended = await reader.ask(command("B0"), 2_000)
            after = await reader.ask(command("R1", "1.8.0()"), 2_000)
            reader.line.reader_baud = 300
            return ended.data, after.data, (await reader.sign_on()).data

        ended, after, again = self.session(read)
        self.assertEqual((ended, after), (b"", b""))
        self.assertEqual(again[:5], b"/WPS5")

    def test_silence_of_two_minutes_ends_programming_mode_and_of_one_does_not(self):
        async def read(reader):
            await reader.log_in()
            await reader.clock.sleep_ms(59_000)
            early = await reader.command("R1", "C.1.0()")
            await reader.clock.sleep_ms(121_000)
            late = await reader.ask(command("R1", "C.1.0()"), 2_000)
            return early, late.data

        early, late = self.session(read)
        self.assertEqual(data_set_in(early), "C.1.0(40123)")
        self.assertEqual(late, b"")

    def test_the_password_of_a_session_is_not_that_of_the_next(self):
        async def read(reader):
            first = await reader.log_in()
            await reader.ask(command("B0"), 1_000)
            reader.line.reader_baud = 300
            await reader.program()
            return first, await reader.command("W1", "0.9.1(100000)")

        first, after = self.session(read)
        self.assertEqual(first, b"\x06")
        self.assertEqual(data_set_in(after), "(ER04)")

    def test_the_clock_is_set_with_the_password_as_far_as_with_the_pin(self):
        meter = self.meter
        before_s = meter.timekeeper.now_s()

        async def write(reader):
            await reader.log_in()
            now = local(meter)
            minute = int(now[8:10])
            later = now[6:8] + f"{minute + 5 if minute < 50 else minute - 5:02d}" + now[10:]
            set_s = meter.timekeeper.now_s()
            answer = await reader.command("W1", f"0.9.1({later})")
            moved_s = meter.timekeeper.now_s() - set_s
            far = await reader.command("W1", "0.9.2(271231)")
            past = await reader.command("W1", "1.0.0(260101000000)")
            return answer, moved_s, data_set_in(far), data_set_in(past)

        answer, moved_s, far, past = self.session(write)
        self.assertEqual(answer, b"\x06")
        self.assertTrue(290 <= abs(moved_s) <= 310, moved_s)
        self.assertEqual((far, past), ("(ER07)", "(ER07)"))
        noted = [(event.code, event.by) for event in meter.events.recent(5)]
        self.assertIn((events.CLOCK_SET, carrier.READOUT), noted)
        self.assertIn((events.LOGIN, carrier.READOUT), noted)
        self.assertTrue(meter.timekeeper.now_s() > before_s)

    def test_no_register_but_the_clock_can_be_written_with_the_password(self):
        meter = self.meter

        async def write(reader):
            await reader.log_in()
            codes = ("1.8.0", "C.1.0", "0.2.2", "F.F", "0.0.0", "credit", "1.0.1")
            return await reader.texts([("W1", code + "(100000)") for code in codes])

        account = meter.ledger.account
        before = account.registers.total_mwh, account.contract, meter.settings.get("meter_key")
        self.assertEqual(self.session(write), ["(ER01)"] * 7)
        account = meter.ledger.account
        self.assertEqual(before, (account.registers.total_mwh, account.contract, meter.settings.get("meter_key")))

    def test_a_value_of_another_form_is_refused(self):
        async def write(reader):
            await reader.log_in()
            values = ("0.9.1(240000)", "0.9.1(1000)", "0.9.1(10000a)", "0.9.2(260231)", "1.0.0(2602)", "0.9.1()")
            return await reader.texts([("W1", value) for value in values])

        self.assertEqual(self.session(write), ["(ER07)"] * 6)

    def test_wrong_passwords_are_counted_before_they_are_compared_and_the_delay_doubles(self):
        async def guess(reader):
            await reader.program()
            return data_set_in(await reader.command("P1", "(guess0000)"))

        for wait_s in (0, 1, 2, 4, 8, 16, 32):
            self.reader.bench.wait(wait_s)
            self.assertEqual(self.session(guess), "(ER05)")
        self.reader.restart()  # a power cut buys no further attempt
        self.assertEqual(self.session(guess), "(ER06)")
        self.assertEqual(data_set_in(self.session(lambda reader: reader.log_in())), "(ER06)")
        self.reader.bench.wait(64)
        self.assertEqual(self.session(lambda reader: reader.log_in()), b"\x06")
        codes = [(event.code, event.by) for event in self.reader.meter.events.recent(20)]
        self.assertEqual(codes.count((events.READOUT_REFUSED, carrier.READOUT)), 1)  # one an hour

    def test_wrong_passwords_at_the_window_leave_the_pin_alone(self):
        async def guess(reader):
            await reader.program()
            return data_set_in(await reader.command("P1", "(guess0000)"))

        self.assertEqual(self.session(guess), "(ER05)")
        self.reader.bench.log_in()

    def test_an_attempt_that_flash_does_not_record_is_refused_and_the_head_goes_on(self):
        first, sectors = stores.SETTINGS_RING
        faults = self.reader.bench.hardware.flash.faults

        async def attempt(reader):
            faults.bad_sectors.update(range(first, first + 2 * sectors))
            given = await reader.log_in()
            faults.bad_sectors.clear()
            return data_set_in(given), await reader.texts([("W1", "0.9.1(100000)"), ("R1", "C.1.0()")])

        self.assertEqual(self.session(attempt), ("(ER07)", ["(ER04)", "C.1.0(40123)"]))

    def test_the_pin_is_not_the_password(self):
        from tests.services.console.console_bench import PIN

        self.assertEqual(data_set_in(self.session(lambda reader: reader.log_in(PIN))), "(ER05)")

    def test_without_a_password_nobody_sets_the_clock(self):
        self.reader = ReaderBench(with_password=False)
        self.meter, self.line = self.reader.meter, self.reader.line

        async def write(reader):
            return await reader.log_in(), await reader.command("W1", "0.9.1(100000)")

        given, written = self.session(write)
        self.assertEqual((data_set_in(given), data_set_in(written)), ("(ER08)", "(ER04)"))

    def test_a_head_that_was_switched_off_falls_silent(self):
        self.reader.bench.log_in()
        self.reader.bench.say("readout off")
        self.assertEqual(self.session(lambda reader: reader.sign_on()).data, b"")

    def test_noise_before_a_sign_on_and_a_message_broken_off_do_not_keep_a_reader_out(self):
        async def read(reader):
            reader.line.send(b"\x00\x00\x7f\x01P1\x02(")
            await reader.clock.sleep_ms(3_000)
            return (await reader.sign_on(b"\x00\x00\x00/?!\r\n")).data

        self.assertEqual(self.session(read)[:5], b"/WPS5")

    def test_an_endless_line_does_not_keep_a_session_for_ever(self):
        async def read(reader):
            await reader.program()
            for _ in range(120):
                reader.line.send(b"/" + b"a" * 900)
                await reader.clock.sleep_ms(1_000)
            reader.line.reader_baud = 300
            await reader.clock.sleep_ms(2_000)
            return (await reader.sign_on()).data

        self.assertEqual(self.session(read)[:5], b"/WPS5")

    def test_an_option_without_a_sign_on_is_not_obeyed(self):
        self.assertEqual(self.session(lambda reader: reader.ask(b"\x06000\r\n")).data, b"")

    def test_an_option_of_an_unknown_mode_ends_the_session(self):
        async def read(reader):
            await reader.sign_on()
            return (await reader.choose(b"7")).data

        self.assertEqual(self.session(read), b"")


class TestMonths(unittest.TestCase):
    def test_twelve_months_have_their_ends_their_registers_and_their_demand(self):
        reader = ReaderBench(tariff_data=samples.day_and_night_tariff())
        meter = reader.meter
        first = meter.ledger.account.registers.month.index

        def live(account):
            for month in range(14):
                account.registers.add_energy(0, 10_000_000 + month)
                account.registers.add_energy(1, 1_000_000)
                account.registers.enter_month(first + month + 1)

        meter.ledger.change(live)

        async def read(reader):
            await reader.sign_on()
            return registers_in((await reader.choose(b"0")).data)

        found = reader.session(read)
        registers = meter.ledger.account.registers
        self.assertEqual(len([code for code in found if code[:6] == "1.8.0*"]), 12)
        self.assertEqual(found["1.8.0"], ["000154.000*kWh"])
        self.assertEqual(found["1.8.1*01"], ["000140.000*kWh"])
        self.assertEqual(found["1.8.2*01"], ["000014.000*kWh"])
        self.assertEqual(found["1.8.0*12"], ["000033.000*kWh"])
        self.assertEqual(found["1.9.0*05"], ["000011.000*kWh"])
        ended = registers.closed_months[0].index + 1
        self.assertEqual(found["0.1.2*01"][0], f"{ended // 12 % 100:02d}{ended % 12 + 1:02d}010000")
        self.assertEqual(len(found["0.1.2*01"][1]), 6)

    def test_maximum_demand_has_its_time(self):
        reader = ReaderBench()
        meter = reader.meter
        meter.ledger.credit(1, contract.MONEY, 500_000_000, carrier.CARD, meter.timekeeper.now_s())
        for _ in range(3):
            meter.ledger.change(lambda account: account.registers.add_energy(0, 1_500_000))
            reader.bench.wait(1_800)
            meter.metering.step()

        async def read(reader):
            await reader.sign_on()
            return registers_in((await reader.choose(b"0")).data)

        value, time, offset = reader.session(read)["1.6.0"]
        self.assertEqual(value, "0003.000*kW")
        self.assertEqual((len(time), len(offset)), (10, 6))


if __name__ == "__main__":
    unittest.main()
