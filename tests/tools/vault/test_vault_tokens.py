"""The vault's tokens: keys as a meter derives them, numbers that are used once, statements, receipts and digits."""

import pytest

from boards.host.chips.aes import aes
from tests.tools.vault.vault_bench import (
    METER,
    NOW_S,
    OWNER,
    SITE_KEYS,
    cmac_key,
    meter_key,
    money,
    open_vault,
    opened,
    order,
    statement_pair,
    ticket_of,
    token_pair,
)
from wattpurse.core.messages import short_token, token
from wattpurse.core.messages.statement import seal_statement
from wattpurse.core.money.token_windows import COUNT_LIMIT, number_of
from wattpurse.core.seals.sealing import KeyPair
from wattpurse_tools.vault.interface import Refused, TokenOrder

UID = bytes.fromhex("04a1b2c3d4e5f6")


def statement(identity=UID, top=0, number=METER, version=1, time_s=NOW_S):
    """Return a sealed statement of the head alone, with the newest count of the office."""
    import struct

    window = 1 if top else 0
    head = struct.pack("<IqIHIQBB", time_s, 5_000_000, 0, 0, top, window, 1, 0)
    return seal_statement(aes, statement_pair(identity, number, version), 1, number, head)


def test_a_token_opens_at_its_meter_under_keys_that_are_derived_independently(vault):
    made = vault.issue(ticket_of(vault), METER, 2, [money(5_000_000)], 0, "sale")
    found = opened(made[0].sealed, version=2)
    assert (found.sequence, found.kind, found.fields()) == (1, token.CREDIT_MONEY, (5_000_000,))
    assert token.key_version(made[0].sealed) == 2


def test_each_token_names_the_newest_order_before_it(vault):
    orders = [money(1), order(token.SWITCH, 1), money(2), order(token.CLEAR_TAMPER)]
    made = vault.issue(ticket_of(vault), METER, 1, orders, 0, "order")
    assert [(one.sequence, one.after) for one in made] == [(1, 0), (2, 0), (3, 2), (4, 2)]
    assert [opened(one.sealed).after for one in made] == [0, 0, 2, 2]
    following = vault.issue(ticket_of(vault), METER, 1, [money(3)], 4, "sale")
    assert opened(following[0].sealed).after == 4


def test_a_personal_token_names_its_tenant_and_no_other_token_does(vault):
    orders = [order(token.CREDIT_MONEY, 1, tenant=7), order(token.SWITCH, 0, tenant=7)]
    made = vault.issue(ticket_of(vault), METER, 1, orders, 0, "sale")
    assert [opened(one.sealed).tenant for one in made] == [7, 0]


def test_a_key_token_brings_the_key_that_it_names(vault):
    orders = [TokenOrder(token.METER_KEY, b"", version=2), TokenOrder(token.SITE_KEY, b"", version=2)]
    made = vault.issue(ticket_of(vault), METER, 1, orders, 0, "order")
    assert opened(made[0].sealed).fields() == (2, meter_key(version=2))
    assert opened(made[1].sealed).fields() == (2, SITE_KEYS[2])


def test_a_key_token_with_a_key_of_the_caller_is_refused(vault):
    forged = TokenOrder(*token.make(token.METER_KEY, 2, bytes(16)), version=2)
    with pytest.raises(Refused, match="the vault puts the key in"):
        vault.issue(ticket_of(vault), METER, 1, [forged], 0, "order")
    assert vault.last_count(METER) == 0


def test_numbers_rise_over_restarts_and_for_each_meter_alone(folder, vault):
    ticket = ticket_of(vault)
    assert [vault.issue(ticket, METER, 1, [money(1)], 0, "sale")[0].sequence for _ in range(3)] == [1, 2, 3]
    assert vault.issue(ticket, METER + 1, 1, [money(1)], 0, "sale")[0].sequence == 1
    vault.close()
    with open_vault(folder) as again:
        assert again.issue(ticket_of(again), METER, 1, [money(1)], 0, "sale")[0].sequence == 4


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([], "1 to 64 tokens"),
        ([money(1)] * 65, "1 to 64 tokens"),
        ([TokenOrder(99, b"")], "no kind of token 99"),
        ([TokenOrder(token.CREDIT_MONEY, b"short")], "does not fit its kind"),
        ([money(-1)], "below zero"),
        ([order(token.CREDIT_MONEY, 1, tenant=1 << 24)], "tenant"),
        ([TokenOrder(token.TARIFF, bytes(1041))], "1 to 1040 bytes"),
        ([TokenOrder(token.METER_KEY, b"", version=9)], "no keys of version 9"),
        ([TokenOrder(token.METER_KEY, b"")], "names the version"),
        ([TokenOrder(token.CREDIT_MONEY, token.make(token.CREDIT_MONEY, 1)[1], version=1)], "has no key version"),
    ],
)
def test_an_order_that_cannot_be_sealed_uses_no_number(vault, orders, words):
    with pytest.raises(Refused, match=words):
        vault.issue(ticket_of(vault), METER, 1, orders, 0, "sale")
    with pytest.raises(Refused, match=words):
        vault.issue(ticket_of(vault), METER, 1, [money(1), *orders], 0, "sale") if orders else vault.issue(
            ticket_of(vault), METER, 1, orders, 0, "sale"
        )
    assert vault.last_count(METER) == 0


def test_a_meter_number_a_version_a_purpose_or_an_order_before_that_cannot_be_is_refused(vault):
    ticket = ticket_of(vault)
    for arguments, words in (
        ((0, 1, [money(1)], 0, "sale"), "meter number"),
        ((1 << 32, 1, [money(1)], 0, "sale"), "meter number"),
        ((METER, 3, [money(1)], 0, "sale"), "no keys of version 3"),
        ((METER, 1, [money(1)], 0, "gift"), "purpose"),
        ((METER, 1, [money(1)], 1 << 32, "sale"), "out of range"),
    ):
        with pytest.raises(Refused, match=words):
            vault.issue(ticket, *arguments)
    assert vault.last_count(METER) == 0


def test_a_statement_raises_the_count_and_tells_its_key_version(vault):
    found = vault.open_statement(METER, UID, statement(top=40, version=2))
    assert found is not None
    assert found[0] == 2
    assert found[1]["windows"][0] == (40, 1)
    assert vault.last_count(METER) == 40
    assert vault.issue(ticket_of(vault), METER, 1, [money(1)], 0, "sale")[0].sequence == 41
    vault.open_statement(METER, UID, statement(top=12))
    assert vault.last_count(METER) == 41


def test_a_statement_of_another_card_or_meter_or_a_forged_one_raises_nothing(vault):
    sealed = statement(top=40)
    assert vault.open_statement(METER, bytes(7), sealed) is None
    assert vault.open_statement(METER + 1, UID, sealed) is None
    assert vault.open_statement(METER, UID, sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert vault.open_statement(METER, UID, b"") is None
    assert vault.open_statement(METER, b"", sealed) is None
    assert vault.open_statement(METER, bytes(12), sealed) is None
    assert vault.last_count(METER) == 0


def test_a_record_that_knows_more_tokens_than_the_vault_is_not_continued(vault):
    vault.issue(ticket_of(vault), METER, 1, [money(1)], 0, "sale")
    with pytest.raises(Refused, match="older copy"):
        vault.issue(ticket_of(vault), METER, 1, [money(1)], 2, "sale")
    vault.raise_count(ticket_of(vault), METER, 20)
    assert vault.issue(ticket_of(vault), METER, 1, [money(1)], 2, "sale")[0].sequence == 21


def test_a_count_is_raised_by_a_bounded_step_and_never_lowered(vault):
    ticket = ticket_of(vault)
    vault.raise_count(ticket, METER, 500)
    vault.raise_count(ticket, METER, 100)
    assert vault.last_count(METER) == 500
    for count in (-1, COUNT_LIMIT):
        with pytest.raises(Refused, match="raised by at most"):
            vault.raise_count(ticket, METER, count)


def test_a_receipt_is_settled_once_and_over_restarts(folder, vault):
    ticket = ticket_of(vault)
    assert vault.settle(ticket, METER, 17, "paid out")
    assert not vault.settle(ticket, METER, 17, "paid out again")
    vault.close()
    with open_vault(folder) as again:
        assert not again.settle(ticket_of(again), METER, 17, "and again")
        assert again.settled(METER) == {17: "paid out"}


def test_the_digits_of_a_token_open_at_its_meter(vault):
    ticket = ticket_of(vault)
    sealed = vault.issue(ticket, METER, 1, [order(token.CREDIT_MONEY, 5_000_000, tenant=3)], 0, "sale")[0].sealed
    digits = vault.digits(ticket, METER, sealed)
    key = meter_key()
    pair = KeyPair(cmac_key(key, b"short token mask"), cmac_key(key, b"short token tag"))
    found = short_token.open_digits(aes, pair, METER, 0, 3, digits)
    assert (found.sequence, found.fields()) == (1, (5_000_000,))


def test_digits_of_a_token_of_another_meter_or_of_an_order_are_refused(vault):
    ticket = ticket_of(vault)
    made = vault.issue(ticket, METER, 1, [money(5_000_000), order(token.SWITCH, 1)], 0, "sale")
    with pytest.raises(Refused, match="no token of this vault"):
        vault.digits(ticket, METER + 1, made[0].sealed)
    with pytest.raises(Refused, match="no token of this vault"):
        vault.digits(ticket, METER, b"")
    with pytest.raises(Refused, match="twenty digits hold credit"):
        vault.digits(ticket, METER, made[1].sealed)


def test_a_vending_point_seals_as_its_issuer_and_has_no_key_of_a_meter(tmp_path, vault):
    from tests.tools.vault import vault_bench

    document = vault.vending_point(ticket_of(vault), 2, [METER])
    vault_bench.make(tmp_path / "point", document=document)
    with open_vault(tmp_path / "point") as point:
        ticket = ticket_of(point, OWNER)
        made = point.issue(ticket, METER, 1, [money(7)], 0, "sale")[0]
        assert (point.issuer, made.sequence) == (2, number_of(2, 1))
        pair = token_pair(cmac_key(meter_key(), b"issuer\x02"))
        assert token.open_token(aes, pair, made.sealed).fields() == (7,)
        assert point.open_statement(METER, UID, statement(top=9)) is not None
        assert point.last_count(METER) == 1
        for call, words in (
            (lambda: point.issue(ticket, METER + 1, 1, [money(1)], 0, "sale"), "ask the office"),
            (lambda: point.issue(ticket, METER, 1, [order(token.SWITCH, 1)], 0, "order"), "by the office alone"),
            (lambda: point.meter_keys(ticket, METER, 1, 1), "office's vault"),
            (lambda: point.roll(ticket), "only the office makes keys"),
            (lambda: point.vending_point(ticket, 3, [METER]), "only the office makes keys"),
        ):
            with pytest.raises(Refused, match=words):
                call()


def test_keys_of_every_format_of_a_key_file_are_taken_over(tmp_path):
    from tests.tools.vault import vault_bench

    first = vault_bench.key_file_document((1,))["keys"][0]
    vault_bench.make(tmp_path / "one", document=first | {"format": 1}, counts={METER: 30})
    vault_bench.make(tmp_path / "two", document=vault_bench.key_file_document())
    with open_vault(tmp_path / "one") as one, open_vault(tmp_path / "two") as two:
        assert one.versions == (1,)
        assert two.versions == (1, 2)
        assert one.fingerprint() == two.fingerprint()
        assert one.fingerprints()[1] == two.fingerprints()[1] != two.fingerprints()[2]
        assert one.issue(ticket_of(one), METER, 1, [money(1)], 0, "sale")[0].sequence == 31
