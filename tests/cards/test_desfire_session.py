"""Secure messaging of DESFire EV1, against published numbers and step by step against the definition."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.cards.desfire_session import Authentication, Session, checksum
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import cmac, diversify

unhex = bytes.fromhex

# A published trace of a card's AES authentication with key 0 of zeros, and of a change of this key.
CHALLENGE = unhex("b969fdfe56fd91fc9de6f6f213b8fd1e")
OWN = unhex("f44b26f5686f3a391cd38ebd10772281")
REPLY = unhex("36aad7df6e436ba08d18613830a70d5ad43e3d3f4a8d47541eee623a934e4774")
PROOF = unhex("800db680bc146bd121d6578f2d2e2059")
SESSION_KEY = unhex("f44b26f5c05ddd7110772281c4d066e8")
NEW_KEY = unhex("00102030405060708090a0b0b0a09080")
CHANGE_KEY_CRYPTOGRAM = unhex("e9f85e219496c2b58c1090dc3935fae9e840cf61b383d9531946256b1f110c10")

# RFC 4493, section 4.
RFC_KEY = unhex("2b7e151628aed2a6abf7158809cf4f3c")
RFC_MESSAGE = unhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
RFC_MACS = (
    (0, "bb1d6929e9593728"),
    (16, "070a16b46b4d4144"),
    (40, "dfa66747de9ae630"),
    (64, "51f0bebf7e3b9d92"),
)


def iv_cmac(key, vector, message):
    """Return the MAC with an initial vector, by the definition: the vector is added to the first block."""
    if len(message) >= 16:
        return cmac(aes, key, bytes([message[n] ^ vector[n] for n in range(16)]) + message[16:])
    subkey = int.from_bytes(aes(key, 1).encrypt(bytes(16)), "big")
    for _ in range(2):
        subkey = (subkey << 1) ^ (0x87 if subkey >> 127 else 0)
        subkey &= (1 << 128) - 1
    block = message + b"\x80" + bytes(15 - len(message))
    mixed = int.from_bytes(block, "big") ^ subkey ^ int.from_bytes(vector, "big")
    return aes(key, 1).encrypt(mixed.to_bytes(16, "big"))


class PublishedTrace(unittest.TestCase):
    def test_authentication(self):
        passes = Authentication(aes, bytes(16), OWN)
        self.assertEqual(passes.reply(CHALLENGE), REPLY)
        self.assertEqual(passes.session(PROOF).encipher(b"", b""), Session(aes, SESSION_KEY).encipher(b"", b""))

    def test_a_wrong_proof_is_refused(self):
        passes = Authentication(aes, bytes(16), OWN)
        passes.reply(CHALLENGE)
        with self.assertRaises(CardError):
            passes.session(PROOF[:-1] + b"\x00")
        for wrong in (b"", CHALLENGE[:15], CHALLENGE + b"\x00"):
            with self.assertRaises(CardError):
                Authentication(aes, bytes(16), OWN).reply(wrong)
        with self.assertRaises(CardError):
            Authentication(aes, bytes(16), OWN).session(PROOF)

    def test_change_of_a_key(self):
        command = b"\xc4\x00"
        data = NEW_KEY + b"\x10"
        self.assertEqual(int.from_bytes(checksum(command + data), "little"), 0x6BE6C6D2)
        self.assertEqual(Session(aes, SESSION_KEY).encipher(command, data), CHANGE_KEY_CRYPTOGRAM)

    def test_diversified_key(self):
        """Compare with NXP AN10922, section 2.2.1."""
        out = diversify(aes, unhex("00112233445566778899aabbccddeeff"), unhex("04782e21801d803042f54e585020416275"))
        self.assertEqual(out, unhex("a8dd63a3b89d54b37ca802473fda9175"))

    def test_first_mac_of_a_session(self):
        for length, mac in RFC_MACS:
            self.assertEqual(Session(aes, RFC_KEY).sign(RFC_MESSAGE[:length]), unhex(mac))


class RunningVector(unittest.TestCase):
    """The initial vector of each message is the last block of the message before, on either side."""

    def setUp(self):
        self.session = Session(aes, RFC_KEY)
        self.vector = bytes(16)

    def sign(self, message):
        self.vector = iv_cmac(RFC_KEY, self.vector, message)
        self.assertEqual(self.session.sign(message), self.vector[:8])

    def encipher(self, head, data):
        clear = data + checksum(head + data)
        clear += bytes(-len(clear) % 16)
        cipher = aes(RFC_KEY, 2, self.vector).encrypt(clear)
        self.vector = cipher[-16:]
        self.assertEqual(self.session.encipher(head, data), cipher)

    def decipher(self, data):
        clear = data + checksum(data + b"\x00")
        clear += bytes(-len(clear) % 16)
        cipher = aes(RFC_KEY, 2, self.vector).encrypt(clear)
        self.vector = cipher[-16:]
        self.assertEqual(self.session.decipher(cipher, len(data)), data)

    def test_all_pairs_of_steps(self):
        steps = (
            lambda: self.sign(b""),
            lambda: self.sign(RFC_MESSAGE[:1]),
            lambda: self.sign(RFC_MESSAGE[:16]),
            lambda: self.sign(RFC_MESSAGE[:37]),
            lambda: self.encipher(b"\xdc\x01", RFC_MESSAGE[:4]),
            lambda: self.encipher(b"", RFC_MESSAGE[:12]),
            lambda: self.encipher(b"\x3d", RFC_MESSAGE[:45]),
            lambda: self.decipher(RFC_MESSAGE[:4]),
            lambda: self.decipher(RFC_MESSAGE[:28]),
            lambda: self.decipher(RFC_MESSAGE),
        )
        for first in steps:
            for second in steps:
                first()
                second()

    def test_a_changed_answer_is_refused(self):
        mac = self.session.sign(b"data\x00")
        for place in range(12):
            answer = bytearray(b"data" + mac)
            answer[place] ^= 1
            with self.assertRaises(CardError):
                Session(aes, RFC_KEY).verify(bytes(answer))
        self.assertEqual(Session(aes, RFC_KEY).verify(b"data" + mac), b"data")
        with self.assertRaises(CardError):
            Session(aes, RFC_KEY).verify(mac[:7])

    def test_a_changed_cryptogram_is_refused(self):
        clear = b"\x01\x02\x03\x04" + checksum(b"\x01\x02\x03\x04\x00") + bytes(8)
        cipher = aes(RFC_KEY, 2, bytes(16)).encrypt(clear)
        self.assertEqual(Session(aes, RFC_KEY).decipher(cipher, 4), b"\x01\x02\x03\x04")
        for place in range(16):
            wrong = bytearray(cipher)
            wrong[place] ^= 0x80
            with self.assertRaises(CardError):
                Session(aes, RFC_KEY).decipher(bytes(wrong), 4)
        padding = aes(RFC_KEY, 2, bytes(16)).encrypt(clear[:-1] + b"\x01")
        for wrong in (padding, cipher + cipher, b""):
            with self.assertRaises(CardError):
                Session(aes, RFC_KEY).decipher(wrong, 4)


if __name__ == "__main__":
    unittest.main()
