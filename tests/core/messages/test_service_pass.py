"""The passes: they open unchanged, on their own card, and a service pass for the meters that it names only."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.messages.service_pass import (
    MeterNotNamed,
    make_operator_pass,
    make_service_pass,
    meters_in,
    open_operator_pass,
    open_service_pass,
    read_operator_pass,
    read_service_pass,
)
from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import cmac, diversify
from wattpurse.core.seals.sealing import SealBroken

VENDING_KEY = b"vending key 0001"
SITE_KEY = b"site key 0000001"
UID = b"\x01\x02\x03\x04"
NUMBERS = (1002, 1003, 4_000_000_000)
METERS = tuple((number, keys.meter_key(aes, VENDING_KEY, number)) for number in NUMBERS)
EXPIRES_S = 1_800_000_000


def made():
    return make_service_pass(aes, UID, 7, EXPIRES_S, METERS)


def opened(number, key, data, uid=UID):
    return open_service_pass(aes, uid, number, (key,), data)


class TestServicePass(unittest.TestCase):
    def test_each_named_meter_learns_technician_and_expiry(self):
        self.assertEqual(read_service_pass(made()), (7, EXPIRES_S, list(NUMBERS)))
        for number, key in METERS:
            self.assertEqual(opened(number, key, made()), (7, EXPIRES_S))

    def test_a_meter_that_is_not_named_is_told(self):
        with self.assertRaises(MeterNotNamed):
            opened(1004, METERS[0][1], made())
        with self.assertRaises(MeterNotNamed):
            opened(1002, METERS[0][1], make_service_pass(aes, UID, 7, EXPIRES_S, ()))

    def test_the_key_in_force_and_the_next_key_open_it(self):
        number, key = METERS[1]
        for accepted in ((key, b"another key 0001"), (b"another key 0001", key)):
            self.assertEqual(open_service_pass(aes, UID, number, accepted, made()), (7, EXPIRES_S))
        for accepted in ((), (b"another key 0001",)):
            self.assertRaises(SealBroken, open_service_pass, aes, UID, number, accepted, made())

    def test_the_keys_of_one_opened_meter_forge_no_pass_for_another(self):
        """Try the key of the first meter, the site key and moved entries at the second meter."""
        _, stolen_key = METERS[0]
        number, key = METERS[1]
        for thiefs_key in (stolen_key, SITE_KEY, keys.service_pass_key(aes, SITE_KEY, UID)):
            forged = make_service_pass(aes, UID, 7, EXPIRES_S, ((number, thiefs_key),))
            self.assertRaises(SealBroken, opened, number, key, forged)
        genuine = made()
        of_first, of_second = genuine[12:24], genuine[24:36]
        for moved in (of_second[:4] + of_first[4:], of_first[:4] + of_second[4:]):
            if moved[:4] == of_second[:4]:
                self.assertRaises(SealBroken, opened, number, key, genuine[:12] + moved)
            else:
                self.assertRaises(MeterNotNamed, opened, number, key, genuine[:12] + moved)

    def test_an_entry_of_another_pass_does_not_prolong_this_one(self):
        longer = make_service_pass(aes, UID, 7, EXPIRES_S + 1, ())
        self.assertRaises(SealBroken, opened, *METERS[0], longer + made()[12:])

    def test_any_flipped_bit_that_concerns_a_meter_is_refused(self):
        number, key = METERS[0]
        data = made()
        for bit in range(24 * 8):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertRaises((SealBroken, MeterNotNamed), opened, number, key, bytes(changed))

    def test_any_other_length_is_refused(self):
        data = made()
        for length in range(len(data)):
            if length not in (24, 36):
                self.assertRaises((SealBroken, MeterNotNamed), opened, *METERS[0], data[:length])
        self.assertRaises(SealBroken, opened, *METERS[0], data + b"\x00")

    def test_another_card_does_not_carry_it(self):
        self.assertRaises(SealBroken, opened, *METERS[0], made(), b"\x01\x02\x03\x05")

    def test_a_pass_of_version_1_under_the_site_key_opens_nothing(self):
        key = diversify(aes, SITE_KEY, b"service pass" + UID)
        content = bytes((7, 0, 0, 0)) + EXPIRES_S.to_bytes(4, "little")
        old = content + cmac(aes, key, content)[:8]
        self.assertRaises(SealBroken, opened, *METERS[0], old)
        self.assertRaises(SealBroken, opened, METERS[0][0], SITE_KEY, old)

    def test_room_is_counted_in_whole_entries(self):
        for count in range(4):
            size = len(make_service_pass(aes, UID, 7, EXPIRES_S, METERS[:count]))
            self.assertEqual([meters_in(size + spare) for spare in (0, 11, 12)], [count, count, count + 1])
        self.assertEqual(meters_in(0), 0)


class TestOperatorPass(unittest.TestCase):
    def test_tells_operator_and_expiry(self):
        data = make_operator_pass(aes, VENDING_KEY, UID, 3, EXPIRES_S)
        self.assertEqual(open_operator_pass(aes, VENDING_KEY, UID, data), (3, EXPIRES_S))
        self.assertEqual(read_operator_pass(data), (3, EXPIRES_S))

    def test_any_flipped_bit_any_length_and_any_other_card_are_refused(self):
        data = make_operator_pass(aes, VENDING_KEY, UID, 3, EXPIRES_S)
        for bit in range(len(data) * 8):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertRaises(SealBroken, open_operator_pass, aes, VENDING_KEY, UID, bytes(changed))
        for wrong in [data[:length] for length in range(len(data))] + [data + b"\x00"]:
            self.assertRaises(SealBroken, open_operator_pass, aes, VENDING_KEY, UID, wrong)
        self.assertRaises(SealBroken, open_operator_pass, aes, VENDING_KEY, b"\x01\x02\x03\x05", data)


if __name__ == "__main__":
    unittest.main()
