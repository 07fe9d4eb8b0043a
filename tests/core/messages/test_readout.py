"""Messages of IEC 62056-21: a receiver finds them in characters and drops the rest; answers have their frames."""

import unittest

from wattpurse.core.messages import readout
from wattpurse.core.messages.readout import COMMAND, DAMAGED, NOTHING, OPTION, REPEAT, SIGN_ON, Receiver


def heard(characters, receiver=None):
    """Return `(kind, text)` of every message in the characters."""
    receiver = receiver or Receiver()
    found = []
    for one in characters:
        kind = receiver.put(one)
        if kind != NOTHING:
            found.append((kind, receiver.message()))
    return found


class TestReceiver(unittest.TestCase):
    def test_each_kind_of_message_is_found(self):
        self.assertEqual(heard(b"/?!\r\n"), [(SIGN_ON, b"?!")])
        self.assertEqual(heard(b"/?12a!\r\n"), [(SIGN_ON, b"?12a!")])
        self.assertEqual(heard(b"\x06050\r\n"), [(OPTION, b"050")])
        self.assertEqual(heard(b"\x01B0\x03q"), [(COMMAND, b"B0")])
        self.assertEqual(heard(b"\x01R1\x021.8.0()\x03Z"), [(COMMAND, b"R1\x021.8.0()")])
        self.assertEqual(heard(b"\x15"), [(REPEAT, b"")])

    def test_the_parity_bit_of_a_line_of_eight_bits_is_taken_off(self):
        self.assertEqual(heard(bytes([one | 0x80 for one in b"/?!\r\n"])), [(SIGN_ON, b"?!")])

    def test_a_command_with_another_check_is_damaged_whatever_that_is(self):
        for check in range(128):
            kind = COMMAND if check == 0x71 else DAMAGED
            self.assertEqual(heard(b"\x01B0\x03" + bytes((check,)))[0][0], kind, check)

    def test_one_changed_bit_in_a_command_is_found(self):
        whole = b"\x01W1\x020.9.1(101500)\x03"
        check = 0
        for one in whole[1:]:
            check ^= one
        whole += bytes((check,))
        for place in range(1, len(whole) - 2):
            for bit in range(7):
                damaged = bytearray(whole)
                damaged[place] ^= 1 << bit
                self.assertNotIn(COMMAND, [kind for kind, _ in heard(damaged)], (place, bit))

    def test_noise_between_messages_is_dropped(self):
        self.assertEqual(heard(b"abc\r\n\x00\x7f)(!/?!\r\nxyz\x06050\r\n"), [(SIGN_ON, b"?!"), (OPTION, b"050")])

    def test_a_message_that_breaks_off_ends_where_the_next_begins(self):
        self.assertEqual(heard(b"/?12/?!\r\n"), [(SIGN_ON, b"?!")])
        self.assertEqual(heard(b"\x01R1\x02\x01B0\x03q"), [(COMMAND, b"B0")])

    def test_a_line_without_its_carriage_return_is_none(self):
        self.assertEqual(heard(b"/?!\n/\n"), [])

    def test_a_message_that_is_too_long_takes_no_more_room_than_others(self):
        receiver = Receiver()
        self.assertEqual(heard(b"/?" + b"1" * 5_000 + b"!\r\n", receiver), [])
        self.assertEqual([kind for kind, _ in heard(b"\x01P1\x02" + b"a" * 5_000 + b"\x03\x00", receiver)], [DAMAGED])
        self.assertTrue(len(receiver.message()) <= readout.LONGEST)
        self.assertEqual(heard(b"/?!\r\n", receiver), [(SIGN_ON, b"?!")])

    def test_a_reset_forgets_a_message_that_was_begun(self):
        receiver = Receiver()
        heard(b"/?", receiver)
        self.assertTrue(receiver.is_inside)
        receiver.reset()
        self.assertFalse(receiver.is_inside)
        self.assertEqual(heard(b"!\r\n", receiver), [])


class TestRequests(unittest.TestCase):
    def test_a_device_address_counts_without_the_zeros_at_its_begin(self):
        for asked, address, answers in (
            (b"?!", b"123", True),
            (b"?000!", b"123", True),
            (b"?123!", b"123", True),
            (b"?00123!", b"123", True),
            (b"?123!", b"0123", True),
            (b"?1230!", b"123", False),
            (b"?12!", b"123", False),
            (b"?a!", b"A", False),
            (b"123!", b"123", False),
            (b"?123", b"123", False),
            (b"", b"", False),
            (b"?" + b"0" * 33 + b"!", b"123", False),
        ):
            self.assertEqual(readout.is_for(asked, address), answers, asked)

    def test_options_of_another_form_are_none(self):
        self.assertEqual(readout.option_of(b"051"), (5, 0x31))
        for bad in (b"", b"05", b"0511", b"151", b"2"):
            self.assertIsNone(readout.option_of(bad))

    def test_commands_are_taken_apart(self):
        self.assertEqual(readout.command_of(b"B0"), (b"B0", None))
        self.assertEqual(readout.command_of(b"R1\x021.8.0()"), (b"R1", b"1.8.0()"))
        for bad in (b"", b"R", b"R11.8.0()", b"R12\x02"):
            self.assertEqual(readout.command_of(bad)[1], None, bad)

    def test_data_sets_are_taken_apart(self):
        self.assertEqual(readout.data_set_of(b"1.8.0*01(1)"), (b"1.8.0*01", b"1"))
        self.assertEqual(readout.data_set_of(b"(password)"), (b"", b"password"))
        self.assertEqual(readout.data_set_of(b"()"), (b"", b""))
        for bad in (None, b"", b"1.8.0", b"1.8.0(", b"1.8.0)", b"a(b)(c)", b"a(b))", b"a/(b)", b"a(\x02)", b"a!(b)"):
            with self.assertRaises(ValueError):
                readout.data_set_of(bad)


class TestAnswers(unittest.TestCase):
    def test_the_frames_are_those_of_the_standard(self):
        self.assertEqual(readout.framed(b"(ER01)"), b"\x02(ER01)\x03\x14")
        self.assertEqual(readout.password_request(7), b"\x01P0\x02(7)\x03W")
        self.assertEqual(readout.identification(5), b"/WPS5\\@WATTPURSE\r\n")

    def test_a_check_that_is_added_in_pieces_is_that_of_the_whole(self):
        check = readout.Check()
        for piece in (b"1.8.0", b"(00", b"1)", b"\r\n\x03"):
            check.add(piece)
        whole = readout.Check()
        whole.add(b"1.8.0(001)\r\n\x03")
        self.assertEqual(check.value, whole.value)


if __name__ == "__main__":
    unittest.main()
