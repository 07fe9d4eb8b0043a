"""DESFire key cards through the vault: made, loaded, read and erased in dialogs, and torn at every command."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from boards.host.cards.desfire import DesfireCard
from boards.host.cards.desfire_ev2 import DesfireEv2Card
from boards.host.chips.aes import aes
from tests.cards import desfire_bench
from tests.cards.desfire_bench import Numbers, Wire, content_of, run
from tests.tools.vault import vault_bench
from tests.tools.vault.test_vault_process import serving
from tests.tools.vault.vault_bench import CLERK, HELPER, SITE_KEYS, VENDING_KEYS, cmac_key, ticket_of
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import Desfire, StatusError
from wattpurse.cards.desfire_ev2 import DesfireEv2
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.money.key_card import BY_TARIFF, NO_ALLOWANCE, CardContent
from wattpurse_tools.vault.dialogs import LIFE_S, MOST
from wattpurse_tools.vault.interface import LimitReached, Refused

UID = bytes.fromhex("04a1b2c3d4e5f6")
MONEY = 7_000_000


def content(loaded=0, spent=0, version=1, price=BY_TARIFF, allowance=(0, NO_ALLOWANCE, 0, 0)):
    return CardContent(version, loaded, spent, price, allowance, 5)


@pytest.fixture(params=(DesfireCard, DesfireEv2Card))
def wire(request):
    return Wire(request.param(UID, Numbers(3)))


def talk(vault, wire, begun):
    """Bring the commands of a dialog to the card, and return the result."""
    dialog, command = begun
    while command:
        command, result = vault.answer_desfire(dialog, run(wire.transceive(command)))
    return result


def make(vault, wire, of=None, version=2):
    return talk(vault, wire, vault.make_desfire(ticket_of(vault), UID, version, of or content()))


def load(vault, wire, loaded, operator=vault_bench.OWNER, **terms):
    return talk(vault, wire, vault.load_desfire(ticket_of(vault, operator), UID, content(loaded, **terms)))


def read(vault, wire):
    return talk(vault, wire, vault.read_desfire(UID))


def settings_of(wire):
    return {number: file.settings() for number, file in wire.card.applications[layout.APPLICATION].files.items()}


def test_a_card_is_made_with_the_keys_of_its_uid_and_loaded(vault, wire):
    make(vault, wire)
    application = wire.card.applications[layout.APPLICATION]
    assert application.keys == [
        cmac_key(VENDING_KEYS[2], b"desfire master" + UID),
        cmac_key(SITE_KEYS[2], b"desfire debit" + UID),
        cmac_key(VENDING_KEYS[2], b"desfire credit" + UID),
        cmac_key(SITE_KEYS[2], b"desfire identify"),
    ]
    assert application.versions == [2] * 4
    assert load(vault, wire, MONEY).balance == MONEY
    assert application.files[layout.VALUE_FILE].value == MONEY // 100
    assert read(vault, wire).balance == content_of(wire.card).balance == MONEY


def test_the_files_are_those_that_the_meters_tests_use(vault, wire):

    make(vault, wire)
    other = Wire(desfire_bench.key_card(content(), SITE_KEYS[2], VENDING_KEYS[2], uid=UID))
    assert settings_of(wire) == settings_of(other)
    assert wire.card.applications[layout.APPLICATION].settings == other.card.applications[layout.APPLICATION].settings


def test_a_meters_key_loads_nothing_and_no_meter_can_make_the_credit_key(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    card = Desfire(wire, aes, Numbers(9))
    run(layout.enter(card, aes, UID, (SITE_KEYS[2],)))
    with pytest.raises(StatusError):
        run(card.credit(layout.VALUE_FILE, 1, 3))
    for number in (0, 2):
        run(card.select_application(layout.APPLICATION))
        for guess in (cmac_key(SITE_KEYS[2], b"desfire credit" + UID), cmac_key(SITE_KEYS[2], b"desfire master" + UID)):
            with pytest.raises(StatusError):
                run(card.authenticate(number, guess))
    run(layout.enter(card, aes, UID, (SITE_KEYS[2],)))
    with pytest.raises(StatusError):
        run(card.write_data(layout.ORDERS_FILE, 0, bytes(layout.ORDERS_SIZE), 1))
    assert read(vault, wire).balance == MONEY


def torn_everywhere(vault, wire, begin):
    """Tear a dialog at each of its commands, before and after the card has taken it, until it runs through."""
    for command in range(1, 100):
        for is_after in (False, True):
            wire.card.power_off()
            wire.tear(command, is_after)
            try:
                talk(vault, wire, begin())
            except CardError:
                yield command, is_after
                continue
            wire.tear(None, False)
            return


def test_making_can_be_torn_at_every_command(vault, wire):
    begin = lambda: vault.make_desfire(ticket_of(vault), UID, 2, content())  # noqa: E731
    tears = list(torn_everywhere(vault, wire, begin))
    assert len(tears) > 10  # each further try gets further
    assert read(vault, wire).loaded == 0
    load(vault, wire, MONEY)
    assert read(vault, wire).balance == MONEY


def test_loading_can_be_torn_at_every_command_and_loads_once(vault, wire):
    make(vault, wire)
    before = wire.commands
    load(vault, wire, 1_000_000)
    commands = wire.commands - before
    loaded = 1_000_000
    for command in range(1, commands + 1):
        for is_after in (False, True):
            loaded += 1_000_050
            wire.card.power_off()
            wire.tear(command, is_after)
            with pytest.raises(CardError):
                load(vault, wire, loaded)
            assert content_of(wire.card).loaded in (loaded, loaded - 1_000_050)
            wire.tear(None, False)
            assert load(vault, wire, loaded).balance == content_of(wire.card).balance == loaded
    log = [entry.details for entry in vault.log() if entry.action == "DESFire key card loaded"]
    assert sum(one.get("microunits", 0) for one in log) == loaded


def test_a_load_that_was_finished_is_not_loaded_again(vault, wire):
    make(vault, wire)
    for _ in range(3):
        assert load(vault, wire, MONEY).balance == MONEY
    with pytest.raises(Refused):
        load(vault, wire, MONEY - 1)


def test_limits_count_the_credit_once(vault, wire):
    make(vault, wire)
    load(vault, wire, 40_000_000, CLERK)
    with pytest.raises(CardError):
        wire.tear(3, False)
        load(vault, wire, 80_000_000, CLERK)
    wire.tear(None, False)
    load(vault, wire, 80_000_000, CLERK)
    with pytest.raises(LimitReached):
        load(vault, wire, 120_000_000, CLERK)
    assert read(vault, wire).balance == 80_000_000


def test_rights(vault, wire):
    with pytest.raises(Refused):
        vault.make_desfire(ticket_of(vault, CLERK), UID, 2, content())
    with pytest.raises(Refused):
        vault.make_desfire(ticket_of(vault), UID, 2, content(MONEY))
    with pytest.raises(Refused):
        vault.load_desfire(ticket_of(vault), UID, content(MONEY))
    make(vault, wire)
    with pytest.raises(Refused):
        load(vault, wire, MONEY, HELPER)
    with pytest.raises(Refused):
        load(vault, wire, MONEY, CLERK, price=1)
    assert load(vault, wire, MONEY, price=300_000).price == 300_000


def test_a_card_with_money_is_not_made_again(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    with pytest.raises(CardError):
        make(vault, wire, content(MONEY, MONEY, 2))
    assert read(vault, wire).balance == MONEY


def test_an_erased_card_is_made_anew_above_its_old_numbers(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    assert talk(vault, wire, vault.erase_desfire(ticket_of(vault), UID)).balance == MONEY
    assert read(vault, wire) is None
    assert wire.card.applications[layout.APPLICATION].files[layout.VALUE_FILE].value == 0
    with pytest.raises(Refused):
        make(vault, wire, content())
    made = make(vault, wire, content(MONEY, MONEY, 1 << 20))
    assert (made.balance, made.loaded, made.version) == (0, MONEY, 1 << 20)
    statement = bytes(wire.card.applications[layout.APPLICATION].files[layout.STATEMENT_FILE].data)
    assert layout.Image(0, b"", statement).proof(7, 3) == layout.NOT_KNOWN
    assert load(vault, wire, 2 * MONEY).balance == MONEY


def test_a_card_of_another_site_and_an_empty_card_are_nothing(vault, wire):
    assert read(vault, wire) is None
    make(vault, wire)
    application = wire.card.applications[layout.APPLICATION]
    application.keys[2] = bytes(16)
    assert read(vault, wire) is None
    with pytest.raises(CardError):
        make(vault, wire)


def test_a_card_of_an_older_key_version_is_loaded(vault, wire):
    make(vault, wire, version=1)
    assert load(vault, wire, MONEY).balance == MONEY


def test_new_keys_can_be_torn_at_every_command(vault, wire):
    make(vault, wire, version=1)
    load(vault, wire, MONEY)
    begin = lambda: vault.rekey_desfire(ticket_of(vault), UID, 2)  # noqa: E731
    tears = list(torn_everywhere(vault, wire, begin))
    assert len(tears) > 10
    application = wire.card.applications[layout.APPLICATION]
    assert application.versions == [2] * 4
    assert application.keys[:2] == [
        cmac_key(VENDING_KEYS[2], b"desfire master" + UID),
        cmac_key(SITE_KEYS[2], b"desfire debit" + UID),
    ]
    assert read(vault, wire).balance == MONEY


def test_a_stranger_gets_no_new_keys(vault, wire):
    with pytest.raises(Refused):
        vault.rekey_desfire(ticket_of(vault, CLERK), UID, 2)
    assert talk(vault, wire, vault.rekey_desfire(ticket_of(vault), UID, 2)) is None


def test_the_session_key_of_a_credit_does_not_leave_the_vault(vault, wire):
    """Compute the session key from the card's secrets, and look for it in everything that the vault said."""
    make(vault, wire)
    start = len(wire.log)
    load(vault, wire, MONEY)
    key = wire.card.applications[layout.APPLICATION].keys[2]
    log = wire.log[start:]
    is_ev2 = isinstance(wire.card, DesfireEv2Card)
    challenge = next(answer for command, answer in log if command[0] == (0x71 if is_ev2 else 0xAA))[1:]
    reply = next(command for command, _ in log if command[0] == 0xAF)[1:]
    decrypt = lambda iv, data: Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(data)  # noqa: E731
    other, own = decrypt(bytes(16), challenge), decrypt(bytes(16) if is_ev2 else challenge, reply)[:16]
    sessions = (own[:4] + other[:4] + own[12:] + other[12:],)
    if is_ev2:
        mixed = bytes(one ^ two for one, two in zip(own[2:8], other[:6], strict=True))
        numbers = b"\x00\x01\x00\x80" + own[:2] + mixed + other[6:] + own[8:]
        sessions = tuple(whole_cmac(key, label + numbers) for label in (b"\xa5\x5a", b"\x5a\xa5"))
        assert sessions[0] == wire.card._ev2.enciphering  # the computation above is right
    said = b"".join(command for command, _ in log) + b"".join(repr(one).encode() for one in vault.log())
    for secret in (*sessions, own, key):
        assert secret not in said
        assert secret.hex().encode() not in said


def whole_cmac(key, message):
    cmac = CMAC(algorithms.AES(key))
    cmac.update(message)
    return cmac.finalize()


def test_a_card_of_ev2_is_never_spoken_to_as_one_of_ev1(vault):
    wire = Wire(DesfireEv2Card(UID, Numbers(3)))
    make(vault, wire)
    load(vault, wire, MONEY)
    codes = {command[0] for command, _ in wire.log}
    assert 0x71 in codes
    assert 0xAA not in codes


class Hiding(Wire):
    """Somebody between card and reader who hides the messaging of EV2."""

    async def transceive(self, command, *rest):
        return b"\x1c" if command[0] == 0x71 else await super().transceive(command, *rest)


class Committing(Wire):
    """Somebody between card and reader who sends CommitTransaction in the place of one command."""

    place = 0

    def arm(self, command):
        """Replace a later command (1: the next), or none with None."""
        self.card.power_off()
        self.place = None if command is None else self.commands + command

    @property
    def is_through(self):
        """True if the dialog ended before the command."""
        return self.commands < self.place

    async def transceive(self, command, *rest):
        return await super().transceive(b"\xc7" if self.commands + 1 == self.place else command, *rest)


SOLD = 1_234_567
SPENT = 2_000_037  # more than SOLD: a card that gained more than was spent is no key card any more


@pytest.fixture(params=(DesfireCard, DesfireEv2Card))
def committing(request, vault):
    """Return a wire to a card with MONEY, of which SPENT is deducted."""
    wire = Committing(request.param(UID, Numbers(3)))
    make(vault, wire)
    load(vault, wire, MONEY)
    desfire_bench.take_back(wire.card, SPENT)
    return wire


def committed_everywhere(wire, work):
    """Do `work()` with a commit in the place of each of its commands. Yield True if the card has a part of a change."""
    for command in range(1, 100):
        wire.arm(command)
        try:
            work()
        except CardError:
            pass
        if wire.is_through:
            return
        wire.arm(None)
        yield wire.card.applications[layout.APPLICATION].files[layout.ORDERS_FILE].data[0] >= layout.BEGUN


def at_a_meter(wire):
    """Return the card, as a meter has it."""
    wire.card.power_off()
    commands = DesfireEv2 if isinstance(wire.card, DesfireEv2Card) else Desfire
    return layout.DesfireKeyCard(commands(wire, aes, Numbers(9)), aes, UID)


def refuse_at_a_meter(wire):
    with pytest.raises(CardError, match="unknown"):
        run(at_a_meter(wire).read_content((SITE_KEYS[2],)))
    wire.card.power_off()


@pytest.mark.parametrize("is_read_first", (False, True))
def test_a_commit_in_the_midst_of_a_load_neither_gains_nor_loses(vault, committing, is_read_first):
    loaded = MONEY
    parts = 0

    def load_more():
        nonlocal loaded
        loaded += SOLD
        load(vault, committing, loaded)

    for is_part in committed_everywhere(committing, load_more):
        if is_part:
            parts += 1
            refuse_at_a_meter(committing)
        if is_read_first:
            assert read(vault, committing).balance in (loaded - SPENT, loaded - SPENT - SOLD)
            committing.card.power_off()
        assert load(vault, committing, loaded).balance == content_of(committing.card).balance == loaded - SPENT
    assert parts == (0 if isinstance(committing.card, DesfireEv2Card) else 2)


def test_a_commit_in_the_midst_of_a_void_takes_the_amount_once(vault, committing):
    spent = SPENT
    parts = 0
    mark = b""

    def void(is_first=True):
        nonlocal mark, spent
        if is_first:
            mark, spent = spent.to_bytes(8, "big"), spent + 111_111
        talk(vault, committing, vault.void_desfire(ticket_of(vault), UID, mark, 111_111, is_first))

    for is_part in committed_everywhere(committing, void):
        if is_part:
            parts += 1
            refuse_at_a_meter(committing)
        void(False)
        assert content_of(committing.card).spent == spent
    assert parts == (0 if isinstance(committing.card, DesfireEv2Card) else 3)


def test_a_commit_in_the_midst_of_erasing_hides_no_money(vault, committing):
    erased = None
    version = 1

    def erase():
        nonlocal erased
        erased = None
        erased = talk(vault, committing, vault.erase_desfire(ticket_of(vault), UID))

    for _ in committed_everywhere(committing, erase):
        if erased is None:  # otherwise the dialog's own commit was replaced, by the same command
            erase()
        assert erased.balance == MONEY - SPENT
        assert read(vault, committing) is None
        version += 1
        make(vault, committing, content(MONEY, MONEY, version))
        desfire_bench.load(committing.card, MONEY - SPENT)
    assert version > 5


METER = 40_000_077
PAID = 333_333


def pay(wire):
    """Let a meter that has not seen the card yet deduct PAID, as far as it comes."""
    card = at_a_meter(wire)
    found = run(card.read_content((SITE_KEYS[2],)))
    run(card.deduct(found.at(found.version + 1, found.spent + PAID), METER + found.version))


@pytest.mark.parametrize("amount", (0, PAID + 67, 3 * PAID))
def test_a_load_and_a_void_keep_a_deduction_of_which_a_part_is_committed(vault, committing, amount):
    """Load and void between the commit and the meter's next look, also sums that bring the value of before again."""
    loaded = MONEY
    before = content_of(committing.card)
    seen = []
    for _ in committed_everywhere(committing, lambda: pay(committing)):
        loaded += amount
        load(vault, committing, loaded)
        committing.card.power_off()
        mark = loaded.to_bytes(4, "big") + before.version.to_bytes(4, "big")
        talk(vault, committing, vault.void_desfire(ticket_of(vault), UID, mark, 66_667, True))
        card = at_a_meter(committing)
        found = run(card.read_content((SITE_KEYS[2],)))
        is_made = not card.lacks(METER + before.version, before.version + 1)
        assert (found.loaded, found.spent) == (loaded, before.spent + 66_667 + PAID * is_made)
        seen.append(is_made)
        before = found
    # On a card of EV1 two of them carry the deduction out: in the places of the second WriteData and of its own commit.
    assert sum(seen) == (0 if isinstance(committing.card, DesfireEv2Card) else 2)


def test_a_card_of_ev2_whose_messaging_is_hidden_is_not_used(vault):
    wire = Wire(DesfireEv2Card(UID, Numbers(3)))
    make(vault, wire)
    load(vault, wire, MONEY)
    hiding = Hiding(wire.card)
    for work in (lambda: read(vault, hiding), lambda: load(vault, hiding, 2 * MONEY)):
        with pytest.raises(CardError, match="downgraded"):
            work()
    for commands in (Desfire, DesfireEv2):
        card = layout.DesfireKeyCard(commands(hiding, aes, Numbers(9)), aes, UID)
        with pytest.raises(CardError, match="downgraded"):
            run(card.read_content((SITE_KEYS[2],)))
    assert read(vault, wire).balance == MONEY


def test_a_card_that_was_made_before_is_marked_at_its_next_load(vault):
    wire = Wire(DesfireEv2Card(UID, Numbers(3)))
    hiding = Hiding(wire.card)
    make(vault, hiding)
    assert load(vault, hiding, MONEY).balance == MONEY
    load(vault, wire, 2 * MONEY)
    with pytest.raises(CardError, match="downgraded"):
        read(vault, hiding)


def test_a_card_with_a_random_uid_is_told_by_the_key_identify(vault, wire):
    wire.card.has_random_uid = True
    with pytest.raises(CardError, match="unknown"):
        talk(vault, wire, vault.identify_desfire())
    make(vault, wire, version=1)
    assert talk(vault, wire, vault.identify_desfire()) == UID
    wire.card.applications[layout.APPLICATION].keys[layout.IDENTIFY_KEY] = bytes(16)
    with pytest.raises(CardError, match="refused"):
        talk(vault, wire, vault.identify_desfire())


def test_the_key_identify_opens_no_file(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    for file in (layout.VALUE_FILE, layout.ORDERS_FILE, layout.STATEMENT_FILE):
        card = DesfireEv2(wire, aes, Numbers(9))
        run(card.select_application(layout.APPLICATION))
        run(card.authenticate(layout.IDENTIFY_KEY, cmac_key(SITE_KEYS[2], b"desfire identify")))
        with pytest.raises(StatusError):
            run(card.get_value(file, 3) if file == layout.VALUE_FILE else card.read_data(file, 0, 1, 1))


def test_a_card_is_made_and_loaded_over_the_socket(folder, tmp_path, wire):
    vault_bench.make(folder)
    with serving(folder, tmp_path / "vault.sock") as client:
        made = make(client, wire)
        assert (type(made), made.loaded) == (CardContent, 0)
        assert load(client, wire, MONEY).balance == MONEY
        assert read(client, wire).balance == MONEY
        wire.card.applications[layout.APPLICATION].keys[2] = bytes(16)
        assert read(client, wire) is None
        with pytest.raises(OSError, match="^unknown$"):
            load(client, wire, 2 * MONEY)


def test_dialogs_end(folder):
    clock = vault_bench.Clock()
    vault_bench.make(folder)
    with vault_bench.open_vault(folder, clock) as vault:
        dialog, _ = vault.read_desfire(UID)
        clock.now_s += LIFE_S + 1
        with pytest.raises(Refused):
            vault.answer_desfire(dialog, b"\x00")
        names = [vault.read_desfire(UID)[0] for _ in range(MOST)]
        vault.read_desfire(UID)  # one too many: the oldest ends
        with pytest.raises(Refused):
            vault.answer_desfire(names[0], b"\x9d")
        with pytest.raises(CardError):
            vault.answer_desfire(names[1], b"\x9d")
        with pytest.raises(Refused):
            vault.answer_desfire(names[1], b"\x00")
        assert vault.read_desfire(UID)[1] == b"\x5a" + layout.APPLICATION.to_bytes(3, "little")


def test_a_card_of_four_bytes_is_refused(vault):
    with pytest.raises(Refused):
        vault.read_desfire(b"\x01\x02\x03\x04")


def test_a_vending_point_refuses_the_card_with_the_remedy_and_counts_nothing(vault, wire, monkeypatch):
    make(vault, wire)
    load(vault, wire, MONEY)
    ticket = ticket_of(vault)
    with monkeypatch.context() as patch:
        patch.setattr(type(vault), "issuer", property(lambda _: 2))
        calls = (
            vault.identify_desfire,
            lambda: vault.read_desfire(UID),
            lambda: vault.make_desfire(ticket, UID, 2, content(MONEY, MONEY, version=2)),
            lambda: vault.load_desfire(ticket, UID, content(2 * MONEY)),
            lambda: vault.erase_desfire(ticket, UID),
            lambda: vault.rekey_desfire(ticket, UID, 2),
        )
        for call in calls:
            with pytest.raises(Refused, match="load the card at the office"):
                call()
    assert read(vault, wire).balance == MONEY
    assert load(vault, wire, 2 * MONEY).balance == 2 * MONEY


MARK = b"\x01void\x00\x00\x01"


def take_back(vault, wire, amount, mark=MARK, is_first=False, operator=vault_bench.OWNER):
    return talk(vault, wire, vault.void_desfire(ticket_of(vault, operator), UID, mark, amount, is_first))


def test_a_sale_is_taken_off_the_card_once_for_its_mark(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    done = take_back(vault, wire, 2_000_000, is_first=True)
    assert (done.balance, done.spent, done.version, done.loaded) == (MONEY - 2_000_000, 2_000_000, 2, MONEY)
    assert take_back(vault, wire, 2_000_000).says_the_same(done)
    assert content_of(wire.card).says_the_same(done)
    assert take_back(vault, wire, 2_000_000, b"another!").balance == MONEY - 4_000_000


def test_a_mark_outlives_a_load_an_erasure_and_a_new_making(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    take_back(vault, wire, MONEY, is_first=True)
    load(vault, wire, 2 * MONEY)
    with pytest.raises(CardError, match="voided"):
        take_back(vault, wire, MONEY, is_first=True)
    talk(vault, wire, vault.erase_desfire(ticket_of(vault), UID))
    make(vault, wire, content(2 * MONEY, 2 * MONEY, 1 << 20))
    load(vault, wire, 3 * MONEY)
    with pytest.raises(CardError, match="voided"):
        take_back(vault, wire, MONEY, is_first=True)
    assert read(vault, wire).balance == MONEY


def test_money_that_was_used_is_not_taken_back(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    take_back(vault, wire, 1)
    with pytest.raises(CardError, match="spent"):
        take_back(vault, wire, MONEY, b"another!")
    assert read(vault, wire).balance == MONEY - 1


def test_taking_back_can_be_torn_at_every_command_and_takes_once(vault, wire):
    make(vault, wire)
    load(vault, wire, 1_000_000_000)
    before = wire.commands
    take_back(vault, wire, 1_000_050)
    commands, taken = wire.commands - before, 1_000_050
    for command in range(1, commands + 1):
        for is_after in (False, True):
            mark = bytes((command, is_after)) + bytes(6)
            wire.card.power_off()
            wire.tear(command, is_after)
            with pytest.raises(CardError):
                take_back(vault, wire, 1_000_050, mark, is_first=True)
            assert content_of(wire.card).spent in (taken, taken + 1_000_050)
            wire.tear(None, False)
            taken += 1_000_050
            assert take_back(vault, wire, 1_000_050, mark).spent == content_of(wire.card).spent == taken


def test_taking_back_needs_the_right_to_sell_and_a_mark(vault, wire):
    make(vault, wire)
    load(vault, wire, MONEY)
    for refused in (
        lambda: take_back(vault, wire, 1, operator=HELPER),
        lambda: take_back(vault, wire, 1, bytes(8)),
        lambda: take_back(vault, wire, 1, b"short"),
        lambda: take_back(vault, wire, 0),
        lambda: take_back(vault, wire, -1),
    ):
        with pytest.raises(Refused):
            refused()
    assert read(vault, wire).balance == MONEY
