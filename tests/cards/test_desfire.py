"""The commands of a DESFire card, through the card model: applications, files, keys, one commit, and errors."""

import unittest

from boards.host.cards.desfire import AUTHENTICATION, BOUNDARY, NO_CHANGES, Application
from boards.host.cards.desfire_files import DataFile, ValueFile
from tests.cards.desfire_bench import UID, Numbers, bench, run
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import (
    ENCIPHERED,
    MACED,
    PLAIN,
    VALUE_SIZE,
    StatusError,
    data_command,
    uid_of,
    value_command,
)
from wattpurse.cards.iso14443 import CardError

APPLICATION = 0x545057
KEYS = [bytes([n + 1]) * 16 for n in range(4)]
VALUE, BACKUP, STANDARD = 1, 2, 3
LIMITS = (-1000, 100_000)


def make(model, mode=ENCIPHERED):
    application = Application(0x0B, 4)
    application.keys = list(KEYS)
    application.versions = [7] * 4
    application.files = {
        VALUE: ValueFile(mode, 0x1F20, LIMITS, 5000, 0),
        BACKUP: DataFile(1, mode, 0x2210, 160),
        STANDARD: DataFile(0, mode, 0x2210, 160),
    }
    model.applications[APPLICATION] = application


def _flipped(command, place):
    changed = bytearray(command)
    changed[place] ^= 4
    return bytes(changed)


class DesfireTest(unittest.TestCase):
    mode = ENCIPHERED

    def setUp(self):
        self.model, self.wire, self.card = bench()
        make(self.model, self.mode)

    def enter(self, key_number):
        run(self.card.select_application(APPLICATION))
        run(self.card.authenticate(key_number, KEYS[key_number]))

    def status(self, coroutine):
        """Return the status with which a command is refused. The authentication has ended with it."""
        try:
            run(coroutine)
        except StatusError as error:
            self.assertEqual(error.reason, "refused")
            self.assertEqual(self.card.session, None)
            return error.status
        return None

    def value(self):
        self.enter(1)
        return run(self.card.get_value(VALUE, self.mode))

    def test_version_and_keys(self):
        self.assertEqual(uid_of(run(self.card.get_version())), UID)
        self.enter(1)
        version = run(self.card.get_version())
        self.assertEqual((len(version), uid_of(version)), (28, UID))
        self.assertEqual([run(self.card.get_key_version(number)) for number in range(4)], [7] * 4)
        with self.assertRaises(CardError):
            uid_of(version[:20])

    def test_files_have_their_settings(self):
        self.enter(0)
        self.assertEqual(run(self.card.get_file_settings(VALUE))[:4], bytes((2, self.mode, 0x20, 0x1F)))
        self.assertEqual(run(self.card.get_file_settings(BACKUP)), bytes((1, self.mode, 0x10, 0x22, 160, 0, 0)))

    def test_a_key_card_is_read_by_the_commands_of_its_files(self):
        orders = data_command(layout.ORDERS_FILE, 0, layout.ORDERS_SIZE)
        statement = data_command(layout.STATEMENT_FILE, 0, layout.STATEMENT_SIZE)
        value = value_command(layout.VALUE_FILE)
        self.assertEqual(layout.READS, ((value, VALUE_SIZE), (orders, None), (statement, None)))

    def test_debit_is_valid_at_its_commit(self):
        self.enter(1)
        run(self.card.debit(VALUE, 1234, self.mode))
        self.assertEqual(run(self.card.get_value(VALUE, self.mode)), 5000)
        run(self.card.commit())
        self.assertEqual(run(self.card.get_value(VALUE, self.mode)), 5000 - 1234)
        self.assertEqual(self.value(), 5000 - 1234)

    def test_debit_key_cannot_credit(self):
        self.enter(1)
        self.assertEqual(self.status(self.card.credit(VALUE, 1, self.mode)), AUTHENTICATION)
        self.assertEqual(self.value(), 5000)
        self.enter(2)
        run(self.card.credit(VALUE, 1, self.mode))
        run(self.card.commit())
        self.assertEqual(self.value(), 5001)

    def test_a_negative_debit_is_no_credit(self):
        self.enter(1)
        self.assertTrue(self.status(self.card.debit(VALUE, -5, self.mode)))
        self.assertEqual(self.value(), 5000)

    def test_abort_and_loss_of_power_drop_a_debit(self):
        self.enter(1)
        run(self.card.debit(VALUE, 1, self.mode))
        run(self.card.abort())
        self.assertEqual(self.status(self.card.commit()), NO_CHANGES)
        self.enter(1)
        run(self.card.debit(VALUE, 1, self.mode))
        self.model.power_off()
        run(self.card.select_application(APPLICATION))
        self.assertEqual(self.status(self.card.commit()), NO_CHANGES)
        self.assertEqual(self.value(), 5000)

    def test_limits(self):
        self.enter(1)
        self.assertEqual(self.status(self.card.debit(VALUE, 6001, self.mode)), BOUNDARY)
        self.enter(1)
        run(self.card.debit(VALUE, 6000, self.mode))
        run(self.card.commit())
        self.assertEqual(self.value(), -1000)
        self.enter(2)
        self.assertEqual(self.status(self.card.credit(VALUE, 101_001, self.mode)), BOUNDARY)

    def test_long_data_goes_in_frames(self):
        data = bytes(range(160))
        self.enter(1)
        for file in (BACKUP, STANDARD):
            run(self.card.write_data(file, 0, data, self.mode))
        run(self.card.commit())
        for file in (BACKUP, STANDARD):
            self.assertEqual(run(self.card.read_data(file, 0, 160, self.mode)), data)
            self.assertEqual(run(self.card.read_data(file, 51, 60, self.mode)), data[51:111])

    def test_every_length_of_data(self):
        self.enter(1)
        for length in range(1, 140):
            data = bytes([length + n & 0xFF for n in range(length)])
            run(self.card.write_data(STANDARD, 3, data, self.mode))
            self.assertEqual(run(self.card.read_data(STANDARD, 3, length, self.mode)), data)

    def test_backup_file_and_value_change_together(self):
        self.enter(1)
        run(self.card.write_data(BACKUP, 0, b"seven", self.mode))
        run(self.card.debit(VALUE, 7, self.mode))
        self.assertEqual(run(self.card.read_data(BACKUP, 0, 5, self.mode)), bytes(5))
        run(self.card.commit())
        self.assertEqual(run(self.card.read_data(BACKUP, 0, 5, self.mode)), b"seven")
        self.assertEqual(run(self.card.get_value(VALUE, self.mode)), 4993)

    def test_wrong_key_and_copied_card(self):
        run(self.card.select_application(APPLICATION))
        self.assertEqual(self.status(self.card.authenticate(1, KEYS[2])), AUTHENTICATION)
        other = bench(5)
        make(other[0])
        other[0].applications[APPLICATION].keys[1] = KEYS[3]  # a copy without the key
        run(other[2].select_application(APPLICATION))
        self.assertEqual(self.status(other[2].authenticate(1, KEYS[1])) or AUTHENTICATION, AUTHENTICATION)

    def test_answers_of_a_former_session_prove_nothing(self):
        """Replay a recorded authentication to the reader."""
        start = len(self.wire.log)
        self.enter(1)
        recorded = [answer for _, answer in self.wire.log[start:]]

        class Replay:
            async def transceive(self, command, meanwhile=None):
                if meanwhile is not None:
                    meanwhile()
                return recorded.pop(0)

        self.card._transport = Replay()
        with self.assertRaises(CardError):
            self.enter(1)
        self.assertEqual(self.card.session, None)

    def test_errors_end_the_session_on_both_sides(self):
        self.enter(1)
        self.assertTrue(self.status(self.card.get_value(9, self.mode)))
        self.assertEqual(self.status(self.card.get_value(VALUE, self.mode)), AUTHENTICATION)

    def test_a_changed_command_or_answer_is_refused(self):
        genuine = self.model.answer
        for place in range(2, {ENCIPHERED: 18, MACED: 14, PLAIN: 2}[self.mode]):
            self.enter(1)
            self.model.answer = lambda command, place=place: genuine(_flipped(command, place))
            self.assertTrue(self.status(self.card.debit(VALUE, 16, self.mode)))
            self.model.answer = genuine
            self.assertEqual(self.status(self.card.commit()), NO_CHANGES)
        self.assertEqual(self.value(), 5000)

    def test_everything_is_read_back_only_from_this_card(self):
        """Refuse an answer of another step of the session."""
        self.enter(1)
        answer = self.model.answer(b"\x6c\x01")  # the session of the card is one step ahead: nothing fits any more
        with self.assertRaises(CardError):
            run(self.card.get_value(VALUE, self.mode))
        self.assertEqual(len(answer), 17 if self.mode == ENCIPHERED else 13)

    def test_wrapped_commands(self):
        answer = self.model.answer(b"\x90\x5a\x00\x00\x03" + APPLICATION.to_bytes(3, "little") + b"\x00")
        self.assertEqual(answer, b"\x91\x00")
        answer = self.model.answer(b"\x90\x64\x00\x00\x01\x01\x00")
        self.assertEqual(answer, b"\x07\x91\x00")
        answer = self.model.answer(b"\x90\xaa\x00\x00\x01\x01\x00")
        self.assertEqual((len(answer), answer[-2:]), (18, b"\x91\xaf"))

    def test_statuses(self):
        self.card._transport = self.wire
        for command, status in (
            (b"\x99", 0x1C),
            (b"\x5a\x00\x00", 0x7E),
            (b"\x5a\x01\x00\x00", 0xA0),
            (b"\xaf", 0x1C),
            (b"\xbd\x02" + bytes(6), 0x9D),
            (b"", 0x7E),
            (bytes(61), 0x7E),
        ):
            self.assertEqual(self.model.answer(command), bytes((status,)))
        run(self.card.select_application(APPLICATION))
        for command, status in (
            (b"\xaa\x04", 0x40),
            (b"\xbd\x09" + bytes(6), 0xF0),
            (b"\xbd\x01" + bytes(6), 0x9E),
            (b"\xbd\x02" + bytes(6), 0xAE),
            (b"\xc7", 0x0C),
            (b"\xc4\x01" + bytes(32), 0xAE),
        ):
            self.assertEqual(self.model.answer(command), bytes((status,)))
        self.assertEqual(self.model.answer(b"\xaa\x01")[0], 0xAF)
        self.assertEqual(self.model.answer(b"\x60"), b"\xca")


class MacedTest(DesfireTest):
    mode = MACED


class PlainTest(DesfireTest):
    mode = PLAIN


class NumbersTest(unittest.TestCase):
    def test_numbers_differ(self):
        numbers = Numbers()
        self.assertNotEqual(numbers(16), numbers(16))


if __name__ == "__main__":
    unittest.main()
