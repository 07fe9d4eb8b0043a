"""Secure messaging of DESFire EV2, against published traces, and against the model of a card at each command."""

import unittest

from boards.host.cards.desfire import DesfireCard
from boards.host.cards.desfire_ev2 import EV3, DesfireEv2Card
from boards.host.chips.aes import aes
from tests.cards.desfire_bench import UID, Numbers, Wire, content_of, ev2_key_card, key_card, run
from tests.services.desk_bench import AMOUNT, SITE_KEY, VENDING_KEY, key_content
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import ENCIPHERED, MACED, StatusError, has_ev2
from wattpurse.cards.desfire_ev2 import DesfireEv2, Session, session_keys
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals import desfire_keys

unhex = bytes.fromhex
SITE_KEYS = (SITE_KEY,)

# NXP AN12196: AuthenticateEV2First with key 0 of zeros (section 6.6), and with key 3 (section 6.10).
TRACES = (
    (
        "13c5db8a5930439fc3def9a4c675360f",
        "a04c124213c186f22399d33ac2a30215",
        "35c3e05a752e0144bac0de51c1f22c56b34408a23d8aea266cab947ea8e0118d",
        "3fa64db5446d1f34cd6ea311167f5e4985b89690c04a05f17fa7ab2f08120663",
        "9d00c4df",
        "1309c877509e5a215007ff0ed19ca564",
        "4c6626f5e72ea694202139295c7a7fc7",
    ),
    (
        "b98f4c50cf1c2e084fd150e33992b048",
        "b875ceb0e66a6c5cd00898dc371f92d1",
        "ff0306e47dfbc50087c4d8a78e88e62de1e8be457aa477c707e2f0874916a8b1",
        "0cc9a8094a8eea683ecaac5c7bf20584206d0608d477110fc6b3d5d3f65c3a6a",
        "7614281a",
        "7a93d6571e4b180fca6ac90c9a7488d4",
        "fc4af159b62e549b5812394cab1918cc",
    ),
)


class Script:
    """A transport that answers from a list, and keeps the commands."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.commands = []

    async def transceive(self, command, meanwhile=None):
        if meanwhile is not None:
            meanwhile()
        self.commands.append(bytes(command))
        return self.answers.pop(0)


class Damaging(Wire):
    """A wire that damages one answer of a row of commands: that of number `place`."""

    def __init__(self, card, place, damage):
        super().__init__(card)
        self.is_at_work = False
        self._place = place
        self._damage = damage
        self._before = b""

    async def transceive(self, command, meanwhile=None):
        answer = await super().transceive(command, meanwhile)
        before, self._before = self._before, answer
        if not self.is_at_work or command[:1] == b"\xaf":
            return answer
        self._place -= 1
        if self._place != -1:
            return answer
        if self._damage == "bit":
            return answer[:-1] + bytes((answer[-1] ^ 0x10,))
        return before if self._damage == "repeated" else answer[:-1]


def ev2_card(uid=UID, content=None):
    """Return the model of a key card on a DESFire EV2."""
    return ev2_key_card(content or key_content(), SITE_KEY, VENDING_KEY, uid=uid)


def debit_key(uid=UID):
    return desfire_keys.debit_key(aes, SITE_KEY, uid)


class PublishedTraces(unittest.TestCase):
    def test_authentication_and_session_keys(self):
        for own, challenge, reply, proof, transaction, enciphering, proving in TRACES:
            wire = Script(b"\xaf" + unhex(challenge), b"\x00" + unhex(proof))
            card = DesfireEv2(wire, aes, lambda count, own=own: unhex(own))
            run(card.authenticate(0, bytes(16)))
            self.assertEqual(wire.commands, [b"\x71\x00\x00", b"\xaf" + unhex(reply)])
            self.assertEqual((card.session.transaction, card.session.count), (unhex(transaction), 0))
            other = aes(bytes(16), 2, bytes(16)).decrypt(unhex(challenge))
            self.assertEqual(session_keys(aes, bytes(16), unhex(own), other), (unhex(enciphering), unhex(proving)))

    def test_a_second_authentication(self):
        """Repeat AuthenticateEV2NonFirst with key 0 (AN12196, section 5.14, table 23)."""
        wire = Script(
            b"\xaf" + unhex("a6a2b3c572d06c097bb8db70463e22dc"), b"\x00" + unhex("b888349c24b315eab5b589e279c8263e")
        )
        card = DesfireEv2(wire, aes, lambda count: unhex("60be759eda560250ac57cddc11743cf6"))
        transaction = unhex("7614281a")
        card.session = Session(aes, bytes(16), bytes(16), transaction, 2)
        run(card.authenticate(0, bytes(16)))
        reply = "be7d45753f2cab85f34bc60ce58b940763fe969658a532df6d95ea2773f6e991"
        self.assertEqual(wire.commands, [b"\x77\x00", b"\xaf" + unhex(reply)])
        keys = unhex("4cf3cb41a22583a61e89b158d252fc53"), unhex("5529860b2fc5fb6154b7f28361d30bf9")
        expected = Session(aes, *keys, transaction, 2)
        self.assertEqual(card.session.encipher(b"data"), expected.encipher(b"data"))
        self.assertEqual(card.session.sign(b"\xc7"), expected.sign(b"\xc7"))

    def test_a_card_speaks_as_the_published_one(self):
        own, challenge, reply, proof = (unhex(one) for one in TRACES[0][:4])
        number = aes(bytes(16), 2, bytes(16)).decrypt(challenge)
        card = DesfireEv2Card(UID, Numbers(1))
        card._random_bytes.next = [number, unhex(TRACES[0][4])]
        card._commands[0xCA](b"\xca\x01\x00\x00\x0f\x81")
        card.answer(b"\x5a\x01\x00\x00")
        self.assertEqual(card.answer(b"\x71\x00\x00"), b"\xaf" + challenge)
        self.assertEqual(card.answer(b"\xaf" + reply), b"\x00" + proof)

    def test_a_command_and_an_answer_with_a_mac(self):
        """Repeat GetFileSettings (AN12196, section 5.3)."""
        session = Session(aes, bytes(16), unhex("8248134a386e86eb7faf54a52e536cb6"), unhex("7a21085e"))
        self.assertEqual(session.sign(unhex("f502")), unhex("6597a457c8cd442c"))
        settings = unhex("0040eeee000100d1fe001f00004400004400002000006a0000")
        self.assertEqual(session.verify(settings + unhex("2a474282e7a47986")), settings)
        self.assertEqual(session.count, 1)

    def test_enciphered_data_of_a_command(self):
        """Repeat WriteData (AN12196, section 6.12)."""
        session = Session(aes, unhex(TRACES[1][5]), unhex(TRACES[1][6]), unhex(TRACES[1][4]))
        head = unhex("8d030000000a0000")
        sent = head + session.encipher(unhex("0102030405060708090a"))
        self.assertEqual(sent + session.sign(sent), head + unhex("6b5e6804909962fc4e3ff5522cf0f8436c0c53315b9c73aa"))
        self.assertEqual(session.verify(unhex("c26d236e4a7c046d")), b"")

    def test_enciphered_data_of_an_answer(self):
        """Repeat GetCardUID (AN12196, section 7.3)."""
        wire = Script(b"\x00" + unhex("70756055688505b52a5e26e59e329cd6595f672298ea41b7"))
        card = DesfireEv2(wire, aes, Numbers(1))
        keys = unhex("2b4d963c014dc36f24f69a50a394f875"), unhex("379d32130ce61705dd5fd8c36b95d764")
        card.session = Session(aes, *keys, unhex("df055522"))
        self.assertEqual(run(card.command(b"\x51", 7)), unhex("04958caa5c5e80"))
        self.assertEqual(wire.commands, [unhex("518e2c155adda99be3")])

    def test_a_wrong_proof_is_refused(self):
        own, challenge, _, proof = (unhex(one) for one in TRACES[0][:4])
        for wrong in (proof[:-1] + b"\x00" if proof[-1] else proof[:1], proof[:31], b"", bytes(32), proof + b"\x00"):
            card = DesfireEv2(Script(b"\xaf" + challenge, b"\x00" + wrong), aes, lambda count: own)
            if wrong[:20] == proof[:20] and len(wrong) == 32:
                continue  # the last bytes are the capabilities, which prove nothing
            with self.assertRaises(CardError):
                run(card.authenticate(0, bytes(16)))
            self.assertEqual(card.session, None)


class WithACard(unittest.TestCase):
    def setUp(self):
        self.model = ev2_card()
        self.wire = Wire(self.model)
        self.card = DesfireEv2(self.wire, aes, Numbers(50))

    def key_card(self):
        return layout.DesfireKeyCard(DesfireEv2(self.wire, aes, Numbers(self.wire.commands)), aes, UID)

    def enter(self, key_number=layout.DEBIT_KEY, key=None):
        run(self.card.select_application(layout.APPLICATION))
        run(self.card.authenticate(key_number, key or debit_key()))

    def test_a_meter_reads_and_deducts(self):
        card = self.key_card()
        content = run(card.read_content(SITE_KEYS))
        self.assertEqual(content.balance, AMOUNT)
        run(card.deduct(content.at(2, 1_000_050), 7))
        self.assertEqual(content_of(self.model).spent, 1_000_050)
        run(card.deduct(content.at(3, 2_000_000), 7))
        self.assertEqual(run(self.key_card().read_content(SITE_KEYS)).spent, 2_000_000)
        self.assertTrue(all([command[0] != 0xAA for command, _ in self.wire.log]))

    def test_the_card_has_paid_or_not_at_any_command_torn(self):
        spent = 0
        before = self.wire.commands
        content = run(self.key_card().read_content(SITE_KEYS))
        reading = self.wire.commands - before
        for command in range(1, 9):
            for is_after in (False, True):
                card = self.key_card()
                self.model.power_off()
                content = run(card.read_content(SITE_KEYS))
                self.wire.tear(command, is_after)
                try:
                    run(card.deduct(content.at(content.version + 1, spent + 1_000_000), 7))
                    is_torn = False
                except CardError:
                    is_torn = True
                self.wire.tear(None, False)
                found = content_of(self.model)
                self.assertTrue(found.spent in (spent, spent + 1_000_000))
                self.assertTrue(is_torn or found.spent == spent + 1_000_000)
                self.assertEqual(found.spent == spent, found.version == content.version)
                spent = found.spent
        self.assertTrue(reading >= 7)
        self.assertTrue(spent > 0)

    def test_a_second_authentication_goes_on_with_count_and_identifier(self):
        self.enter(layout.IDENTIFY_KEY, desfire_keys.identify_key(aes, SITE_KEY))
        self.assertEqual(run(self.card.command(b"\x51", 7)), UID)
        before = self.card.session
        run(self.card.authenticate(layout.DEBIT_KEY, debit_key()))
        after = self.card.session
        self.assertEqual((after.transaction, after.count), (before.transaction, 1))
        self.assertEqual(run(layout.read(self.card)).content().balance, AMOUNT)
        self.assertEqual([one[0][:1] for one in self.wire.log if one[0][0] in (0x71, 0x77)], [b"\x71", b"\x77"])

    def test_an_old_answer_and_an_old_command_prove_nothing(self):
        self.enter()
        run(self.card.get_value(layout.VALUE_FILE, ENCIPHERED))
        command, answer = self.wire.log[-1]
        self.assertEqual(self.model.answer(command), b"\x1e")
        self.enter()
        forged = DesfireEv2(Script(answer), aes, Numbers(1))
        forged.session = self.card.session
        with self.assertRaises(CardError):
            run(forged.get_value(layout.VALUE_FILE, ENCIPHERED))
        self.assertEqual(forged.session, None)

    def test_a_payment_sets_each_key_once(self):
        """Count the keys that are set: on a chip that costs most."""
        keys = []

        def counting_aes(key, *mode):
            keys.append(key)
            return aes(key, *mode)

        card = layout.DesfireKeyCard(DesfireEv2(self.wire, counting_aes, Numbers(1)), counting_aes, UID)
        content = run(card.read_content(SITE_KEYS))
        run(card.deduct(content.at(2, 1_000_000), 7))
        self.assertEqual(content_of(self.model).spent, 1_000_000)
        # That of the site; that of the card both ways, for its proof and for the session keys; three of the session.
        self.assertEqual((len(keys), keys.count(debit_key())), (8, 4))

    def test_an_answer_is_used_if_all_of_its_row_are_proven(self):
        for place in range(len(layout.READS)):
            for damage in ("bit", "repeated", "short"):
                wire = Damaging(self.model, place, damage)
                self.model.power_off()
                card = DesfireEv2(wire, aes, Numbers(1))
                run(card.select_application(layout.APPLICATION))
                run(card.authenticate(layout.DEBIT_KEY, debit_key()))
                wire.is_at_work = True
                with self.assertRaises(CardError):
                    run(layout.read(card))
                self.assertEqual(card.session, None)

    def test_the_count_of_a_session_ends(self):
        """Refuse a command that needs one more count than there are. The card ends the session there too."""
        attempts = (
            lambda: self.card.commit(),
            lambda: self.card.debit(layout.VALUE_FILE, 1, ENCIPHERED),
            lambda: layout.read(self.card),
        )
        for attempt in attempts:
            self.enter()
            self.card.session.count = 0xFFFF
            sent = self.wire.commands
            with self.assertRaises(CardError):
                run(attempt())
            self.assertEqual(self.wire.commands, sent)

    def test_each_bit_of_a_command_counts(self):
        for bit in range(0, 8 * 26, 5):
            self.enter()
            run(self.card.get_value(layout.VALUE_FILE, ENCIPHERED))
            session = self.card.session
            head = bytes((0xDC, layout.VALUE_FILE))
            sent = head + session.encipher(bytes((100, 0, 0, 0)))
            sent = bytearray(sent + session.sign(sent))
            sent[bit // 8] ^= 1 << bit % 8
            self.assertTrue(self.model.answer(bytes(sent))[0] != 0)
            self.assertTrue(self.model.answer(b"\xc7")[0] != 0)
        self.assertEqual(content_of(self.model).balance, AMOUNT)

    def test_a_commit_without_a_mac_is_refused(self):
        self.enter()
        run(self.card.debit(layout.VALUE_FILE, 100, ENCIPHERED))
        self.assertEqual(self.model.answer(b"\xc7"), b"\x7e")
        self.enter()
        self.assertEqual(run(layout.read(self.card)).content().balance, AMOUNT)

    def test_the_meters_key_credits_nothing(self):
        self.enter()
        with self.assertRaises(StatusError):
            run(self.card.credit(layout.VALUE_FILE, 1, ENCIPHERED))
        self.enter()
        with self.assertRaises(StatusError):
            run(self.card.write_data(layout.ORDERS_FILE, 0, bytes(layout.ORDERS_SIZE), MACED))

    def test_another_key_is_refused(self):
        with self.assertRaises(StatusError):
            self.enter(key=bytes(16))
        with self.assertRaises(CardError):
            run(self.key_card().read_content((bytes(16),)))

    def test_a_card_of_ev1_gets_its_own_messaging(self):
        self.model = key_card(key_content(), SITE_KEY, VENDING_KEY)
        self.wire = Wire(self.model)
        card = self.key_card()
        content = run(card.read_content(SITE_KEYS))
        run(card.deduct(content.at(2, 1_000_000), 7))
        self.assertEqual(content_of(self.model).spent, 1_000_000)
        codes = [command[0] for command, _ in self.wire.log]
        self.assertEqual((codes.count(0x71), codes.count(0xAA)), (1, 1))

    def test_the_version_tells_the_messaging(self):
        for card, expected in (
            (DesfireCard(UID, Numbers(1)), False),
            (DesfireEv2Card(UID, Numbers(1)), True),
            (DesfireEv2Card(UID, Numbers(1), EV3), True),
        ):
            version = run(DesfireEv2(Wire(card), aes, Numbers(1)).get_version())
            self.assertEqual(has_ev2(version), expected)
        self.assertFalse(has_ev2(b""))


if __name__ == "__main__":
    unittest.main()
