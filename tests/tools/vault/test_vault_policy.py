"""The vault's policy: rights, limits, two persons, sessions and PINs."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.vault import vault_bench
from tests.tools.vault.vault_bench import (
    CLERK,
    CLERK_LIMITS,
    HELPER,
    METER,
    OPERATORS,
    OWNER,
    PINS,
    SECOND,
    approved,
    money,
    open_vault,
    order,
    ticket_of,
)
from wattpurse.core.messages import token
from wattpurse_tools.vault import rules
from wattpurse_tools.vault.interface import (
    MANAGE,
    ApprovalNeeded,
    LimitReached,
    Limits,
    Operator,
    Refused,
    SignOnNeeded,
    TokenOrder,
)

DAY_S = 86_400
amounts = st.integers(0, 120_000_000)


def sell(vault, ticket, *orders, purpose="sale", approval=None):
    return vault.issue(ticket, METER, 1, list(orders), 0, purpose, approval)


# Rights


def test_a_clerk_sells_credit_and_orders_nothing(vault):
    clerk = ticket_of(vault, CLERK)
    sell(vault, clerk, money(1), order(token.CREDIT_ENERGY, 1), order(token.DAYS, DAY_S), order(token.DEBT, 5))
    sell(vault, clerk, order(token.PERMIT, 9))
    for one in (order(token.SWITCH, 0), order(token.DEBT, -5), order(token.REFUND, 0, 1, 0)):
        with pytest.raises(Refused, match="needs the right 'order'"):
            sell(vault, clerk, money(1), one)
    for one in (order(token.REVOKE, 2), TokenOrder(token.METER_KEY, b"", version=2)):
        with pytest.raises(Refused, match="needs the right 'keys'"):
            sell(vault, clerk, one)
    assert vault.last_count(METER) == 5


def test_a_helper_orders_and_sells_no_credit(vault):
    helper = ticket_of(vault, HELPER)
    sell(vault, helper, order(token.SWITCH, 0))
    with pytest.raises(Refused, match="needs the right 'sell'"):
        sell(vault, helper, money(1))
    with pytest.raises(Refused, match="needs the right 'sell'"):
        vault.settle(helper, METER, 1, "paid out")


def test_rights_that_are_taken_away_end_in_an_open_session_at_once(vault):
    owner, clerk = ticket_of(vault), ticket_of(vault, CLERK)
    vault.set_operator(owner, replace(OPERATORS[CLERK], rights=()))
    with pytest.raises(Refused):
        sell(vault, clerk, money(1))
    vault.set_operator(owner, replace(OPERATORS[CLERK], active=False))
    with pytest.raises(SignOnNeeded):
        vault.session(clerk)
    with pytest.raises(Refused, match="out of service"):
        vault.sign_on(CLERK, PINS[CLERK])


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        (replace(OPERATORS[OWNER], rights=("sell",)), "would be left|must be"),
        (Operator(9, "new", ("sell",)), "needs a PIN or a card"),
        (Operator(0, "new", (), uid=bytes(4)), "number is 1"),
        (Operator(9, " ", (), uid=bytes(4)), "name has"),
        (Operator(9, "line\nbreak", (), uid=bytes(4)), "name has"),
        (Operator(9, "new", ("everything",), uid=bytes(4)), "rights"),
        (Operator(9, "new", ("sell", "sell"), uid=bytes(4)), "rights"),
        (Operator(9, "new", (), Limits(day_mwh=-1), bytes(4)), "day_mwh"),
        (Operator(9, "new", (), uid=bytes(5)), "UID"),
    ],
)
def test_an_operator_that_cannot_be_is_refused(vault, operator, words):
    owner = ticket_of(vault)
    vault.set_operator(owner, replace(OPERATORS[SECOND], rights=("sell",)))
    with pytest.raises(Refused, match=words):
        vault.set_operator(owner, operator)
    assert [one.number for one in vault.operators()] == [1, 2, 3, 4]


def test_two_operators_do_not_share_a_card(vault):
    owner = ticket_of(vault)
    vault.set_operator(owner, replace(OPERATORS[CLERK], uid=bytes(4)))
    with pytest.raises(Refused, match="same card"):
        vault.set_operator(owner, replace(OPERATORS[HELPER], uid=bytes(4)))


# Limits


def test_a_limit_for_one_token_holds_each_token_of_a_call(vault):
    clerk = ticket_of(vault, CLERK)
    sell(vault, clerk, money(50_000_000), money(50_000_000))
    with pytest.raises(LimitReached, match="50000001 micro-units"):
        sell(vault, ticket_of(vault, CLERK), money(50_000_001))
    with pytest.raises(LimitReached, match="mWh"):
        sell(vault, clerk, order(token.CREDIT_ENERGY, 200_000_001))
    with pytest.raises(LimitReached, match="32 days"):
        sell(vault, clerk, order(token.DAYS, 31 * DAY_S + 1))
    with pytest.raises(LimitReached, match="32 days"):
        sell(vault, clerk, order(token.DISPENSE, 1, 1, 31 * DAY_S + 1))


def test_a_limit_for_a_day_holds_over_sessions_and_restarts_and_ends_with_the_day(folder, clock, vault):
    sell(vault, ticket_of(vault, CLERK), money(50_000_000))
    vault.close()
    with open_vault(folder, clock) as again:
        sell(again, ticket_of(again, CLERK), money(40_000_000))
        with pytest.raises(LimitReached, match="for a day"):
            sell(again, ticket_of(again, CLERK), money(10_000_001))
        sell(again, ticket_of(again, CLERK), order(token.CREDIT_ENERGY, 5))  # energy has a limit of its own
        clock.now_s += DAY_S
        sell(again, ticket_of(again, CLERK), money(10_000_001))


def test_free_credit_counts_to_the_limit_as_well(vault):
    clerk = ticket_of(vault, CLERK)
    for purpose in ("sale", "free", "transfer", "order"):
        sell(vault, clerk, money(25_000_000), purpose=purpose)
    with pytest.raises(LimitReached):
        sell(vault, clerk, money(1), purpose="transfer")


def test_debt_that_is_taken_off_counts_as_money(vault):
    owner = ticket_of(vault)
    vault.set_operator(owner, Operator(CLERK, "clerk", ("sell", "order"), CLERK_LIMITS))
    clerk = ticket_of(vault, CLERK)
    with pytest.raises(LimitReached, match="50000001"):
        sell(vault, clerk, order(token.DEBT, -50_000_001))
    sell(vault, clerk, order(token.DEBT, 90_000_000), order(token.DEBT, -50_000_000), money(50_000_000))
    with pytest.raises(LimitReached):
        sell(vault, clerk, order(token.DEBT, -1))


def test_a_sum_that_no_counter_holds_is_refused(vault):
    owner = ticket_of(vault)
    sell(vault, owner, money(1 << 61), money(1 << 61))
    with pytest.raises(LimitReached, match="higher than the vault counts"):
        sell(vault, owner, money(1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=3), max_size=8), amounts, amounts)
def test_no_order_of_sales_exceeds_a_limit_and_no_sale_within_it_is_refused(calls, token_limit, day_limit):
    limits = Limits(token_microunits=token_limit, day_microunits=day_limit, day_mwh=day_limit)
    day = rules.Amounts()
    for call in calls:
        tokens = [rules.Amounts(microunits, mwh) for microunits, mwh in call]
        after = [day.microunits + sum(one for one, _ in call), day.mwh + sum(one for _, one in call)]
        fits = max(one for one, _ in call) <= token_limit
        fits &= after[0] <= day_limit or not any(one for one, _ in call)
        fits &= after[1] <= day_limit or not any(one for _, one in call)
        try:
            day = rules.refuse_amounts(limits, tokens, day)
        except LimitReached:
            assert not fits
            continue
        assert fits
        assert (day.microunits, day.mwh) == tuple(after)
        assert day.microunits <= day_limit
        assert day.mwh <= day_limit


# Two persons


def needs_two(call):
    with pytest.raises(ApprovalNeeded) as needed:
        call()
    return needed.value


def test_each_change_of_weight_needs_a_second_person(strict_vault):
    vault, owner = strict_vault, ticket_of(strict_vault)
    before = vault.status()["log_lines"]
    for orders, purpose in (
        ([money(1)], "free"),
        ([order(token.REFUND, 0, 1, 0)], "refund"),
        ([order(token.CLEAR, 0)], "order"),
        ([order(token.TENANT, 7, 0)], "order"),
        ([money(1), order(token.REFUND, 0, 1, 0)], "sale"),
        ([order(token.DEBT, -1)], "debt"),
        ([order(token.REVOKE, 2)], "order"),
        ([TokenOrder(token.METER_KEY, b"", version=2)], "order"),
        ([TokenOrder(token.SITE_KEY, b"", version=2)], "order"),
    ):
        needs_two(lambda orders=orders, purpose=purpose: sell(vault, owner, *orders, purpose=purpose))
    for call in (
        lambda: vault.roll(owner),
        lambda: vault.vending_point(owner, 2, [METER]),
        lambda: vault.raise_count(owner, METER, 5),
        lambda: vault.settle(owner, METER, 3, "paid out"),
        lambda: vault.set_operator(owner, replace(OPERATORS[CLERK], rights=(MANAGE,))),
        lambda: vault.set_operator(owner, OPERATORS[CLERK], "274905"),
        lambda: vault.set_user(owner, 5, CLERK),
        lambda: vault.use_approval(owner, "void", {"receipt": 12}),
    ):
        needs_two(call)
    assert vault.last_count(METER) == 0
    assert vault.status()["log_lines"] == before
    sell(vault, owner, money(1), order(token.SWITCH, 0), order(token.DEBT, 1))


def test_an_approval_serves_once_and_for_that_document_alone(strict_vault):
    vault, owner, second = strict_vault, ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    refusal = needs_two(lambda: sell(vault, owner, money(5), purpose="free"))
    number = approved(vault, refusal, owner, second)
    for other in (
        lambda: sell(vault, owner, money(6), purpose="free", approval=number),
        lambda: sell(vault, owner, money(5), money(5), purpose="free", approval=number),
        lambda: vault.issue(owner, METER + 1, 1, [money(5)], 0, "free", number),
        lambda: vault.roll(owner, number),
    ):
        assert "something else" in str(needs_two(other))
    with pytest.raises(Refused, match="proposed by operator 1"):
        sell(vault, second, money(5), purpose="free", approval=number)
    made = sell(vault, owner, money(5), purpose="free", approval=number)
    assert made[0].sequence == 1
    assert "is used" in str(needs_two(lambda: sell(vault, owner, money(5), purpose="free", approval=number)))
    assert vault.log()[-1].details["approval"] == number


def test_of_many_threads_one_uses_an_approval(strict_vault):
    vault, owner, second = strict_vault, ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    refusal = needs_two(lambda: sell(vault, owner, money(5), purpose="free"))
    number = approved(vault, refusal, owner, second)
    made = []

    def use():
        with suppress(Refused):
            made.append(sell(vault, owner, money(5), purpose="free", approval=number))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_nobody_approves_an_own_request_or_without_the_right(strict_vault):
    vault, owner = strict_vault, ticket_of(strict_vault)
    refusal = needs_two(lambda: vault.roll(owner))
    number = vault.propose(owner, refusal.action, refusal.document, "the office was burgled")
    with pytest.raises(Refused, match="proposed this request yourself"):
        vault.approve(owner, number)
    with pytest.raises(Refused, match="needs the right 'approve'"):
        vault.approve(ticket_of(vault, CLERK), number)
    with pytest.raises(Refused, match="not approved yet"):
        vault.roll(owner, number)
    with pytest.raises(Refused, match="no request 99"):
        vault.approve(owner, "99")


def test_the_second_person_reads_the_reason_and_words_of_the_vault(strict_vault):
    vault, owner, second = strict_vault, ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    refusal = needs_two(lambda: sell(vault, owner, money(5_000_000), purpose="free"))
    vault.propose(owner, refusal.action, refusal.document, "  a storm, three days without supply ")
    found = vault.requests(second)[0]
    assert found.reason == "a storm, three days without supply"
    assert found.words == "free for meter 1001: money (amount_microunits 5000000)"
    assert (found.proposer, found.state) == (OWNER, "open")
    for reason in ("", "  ", "x" * 401):
        with pytest.raises(Refused, match="needs a reason"):
            vault.propose(owner, refusal.action, refusal.document, reason)


@pytest.mark.parametrize(
    ("action", "document", "words"),
    [
        ("roll", {"key_version": 3}, "new keys of the site, version 3"),
        ("user", {"user": 5, "operator": 3}, "Unix user 5 may connect and signs on as operator 3"),
        ("user", {"user": 5, "operator": 0}, "Unix user 5 may connect"),
        ("count", {"meter": 7, "count": 60}, "meter 7 continues after count 60; numbers below are left out"),
        ("settle", {"meter": 7, "sequence": (2 << 28) + 9, "words": "cash"}, "receipt 2/9 of meter 7 is settled: cash"),
        ("vending point", {"issuer": 2, "meters": [7, 8]}, "the keys of issuer 2 leave the vault, for meters 7, 8"),
        ("void", {"sale": 12, "total": [1, 2]}, "void: sale 12; total [1,2]"),
        ("void", {"sale": "12\n\x1b[2Japproved"}, "void: sale 12 [2Japproved"),
        (
            "operator pass",
            {"operator": 3, "card": "04a1", "expires_s": 1_900_000_000},
            "a pass of operator 3 on card 04a1 until 2030-03-17 17:46 UTC",
        ),
        (
            "meter keys",
            {"meter": 7, "key_version": 1, "site_version": 2},
            "the keys of meter 7 leave the vault: meter key of version 1, site key of version 2",
        ),
    ],
)
def test_the_words_of_a_request_name_all_of_it_on_one_line(strict_vault, action, document, words):
    ticket = ticket_of(strict_vault)
    strict_vault.propose(ticket, action, document, "a reason\nof two lines\x07")
    found = strict_vault.requests(ticket)[0]
    assert found.words == words
    assert found.reason == "a reason of two lines"


def test_no_token_hides_at_the_end_of_a_long_request(strict_vault):
    ticket = ticket_of(strict_vault)
    refusal = needs_two(lambda: sell(strict_vault, ticket, *[money(1)] * 63, money(7_000_000), purpose="free"))
    strict_vault.propose(ticket, refusal.action, refusal.document, "why")
    assert strict_vault.requests(ticket)[0].words.endswith("money (amount_microunits 7000000)")


def test_the_words_of_a_tariff_tell_it_from_others(strict_vault):
    ticket = ticket_of(strict_vault)
    words = []
    for table in (b"one", b"two"):
        refusal = needs_two(
            lambda table=table: sell(strict_vault, ticket, TokenOrder(token.TARIFF, table), purpose="free")
        )
        strict_vault.propose(ticket, refusal.action, refusal.document, "why")
        words.append(strict_vault.requests(ticket)[0].words)
    assert words[0] != words[1]


def test_a_request_for_tokens_that_cannot_be_is_not_taken(strict_vault):
    owner = ticket_of(strict_vault)
    assert strict_vault.requests(owner) == []
    for document in (
        {},
        {"orders": [], "purpose": "free", "meter": 1},
        {"meter": 1, "purpose": "free", "orders": [{"kind": 1}]},
        {"meter": 1, "purpose": "free", "orders": [{"kind": 1, "body": "zz", "tenant": 0, "version": None}]},
        {"orders": 5, "purpose": "free"},
    ):
        with pytest.raises(Refused):
            strict_vault.propose(owner, "issue", document, "why")
    for action in ("settle", "operator", "user", "count", "operator pass", "meter keys", "roll", "vending point"):
        with pytest.raises(Refused, match="does not fit its action"):
            strict_vault.propose(owner, action, {"operator": 5}, "why")


def test_a_denied_or_expired_request_permits_nothing(strict_vault, clock):
    vault = strict_vault

    def propose():
        owner, second = ticket_of(vault), ticket_of(vault, SECOND)
        refusal = needs_two(lambda: vault.roll(owner))
        return owner, second, vault.propose(owner, refusal.action, refusal.document, "yearly")

    owner, second, number = propose()
    vault.deny(second, number, "not this week")
    assert "denied (not this week)" in str(needs_two(lambda: vault.roll(owner, number)))
    with pytest.raises(Refused, match="denied already"):
        vault.approve(second, number)

    owner, second, number = propose()
    vault.approve(second, number)
    clock.now_s += DAY_S
    assert "is expired" in str(needs_two(lambda: vault.roll(ticket_of(vault), number)))

    owner, second, number = propose()
    clock.now_s += 7 * DAY_S
    with pytest.raises(Refused, match="is expired"):
        vault.approve(ticket_of(vault, SECOND), number)


def test_an_approval_of_an_operator_who_has_left_permits_nothing(strict_vault):
    vault, owner, second = strict_vault, ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    boss = Operator(7, "boss", ("approve",))
    refusal = needs_two(lambda: vault.set_operator(owner, boss, "391746"))
    vault.set_operator(owner, boss, "391746", approved(vault, refusal, owner, second))
    refusal = needs_two(lambda: vault.roll(owner))
    number = approved(vault, refusal, owner, vault.sign_on(7, "391746").ticket)
    vault.set_operator(owner, replace(boss, active=False))  # to take somebody out of service needs one person
    assert "may no longer approve" in str(needs_two(lambda: vault.roll(owner, number)))


def test_a_refund_that_two_persons_approved_is_paid_out_by_one(strict_vault):
    vault, owner, second = strict_vault, ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    take = order(token.REFUND, 0, 5_000_000, 0)
    refusal = needs_two(lambda: sell(vault, owner, take, purpose="refund"))
    made = sell(vault, owner, take, purpose="refund", approval=approved(vault, refusal, owner, second))
    assert vault.settle(owner, METER, made[0].sequence, "paid out")
    refusal = needs_two(lambda: vault.settle(owner, METER, 99, "paid out"))
    assert vault.settle(owner, METER, 99, "paid out", approved(vault, refusal, owner, second))


def test_an_action_of_the_office_uses_an_approval_up(strict_vault):
    vault, owner, second = strict_vault, ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    refusal = needs_two(lambda: vault.use_approval(owner, "void", {"sale": 12}))
    number = approved(vault, refusal, owner, second)
    vault.use_approval(owner, "void", {"sale": 12}, number)
    needs_two(lambda: vault.use_approval(owner, "void", {"sale": 12}, number))
    with pytest.raises(Refused, match="vault itself"):
        vault.use_approval(owner, "roll", {"key_version": 3})


def test_a_house_of_one_person_is_asked_for_no_second(vault):
    owner = ticket_of(vault)
    sell(vault, owner, money(1), purpose="free")
    vault.use_approval(owner, "void", {"sale": 12})
    assert vault.roll(owner) == 3
    assert [entry.action for entry in vault.log()][-3:] == ["issue", "void", "roll"]


def test_two_persons_need_a_manager_and_another_who_approves(tmp_path):
    with pytest.raises(Refused, match="another one with 'approve'"):
        vault_bench.make(tmp_path / "vault", persons=2, operators={OWNER: OPERATORS[OWNER]})
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([code for code, *_ in token.KINDS]), st.sampled_from(("sale", "free", "order")), st.data())
def test_every_kind_of_token_has_a_right_and_a_judgement(kind, purpose, data):
    row = next(row for row in token.KINDS if row[0] == kind)
    if kind in rules.KEY_KINDS:
        one = TokenOrder(kind, b"", version=1)
    elif row[2] is None:
        one = TokenOrder(kind, data.draw(st.binary(min_size=1, max_size=64)))
    else:
        numbers = [data.draw(st.integers(0, 2)) for _ in row[3]]
        one = order(kind, *numbers)
    rules.refuse_orders([one], 0, purpose)
    assert rules.rights_of(one)
    if row[9] in ("money", "energy", "energy and time", "time"):
        assert rules.rights_of(one) == ("sell",)
        assert (rules.amounts_of(one) == rules.Amounts()) == (not any(rules.fields_of(one)[::2]))
    elif kind != token.DEBT:
        assert rules.amounts_of(one) == rules.Amounts()
    if row[9] in (token.RECEIPT, token.KEY) or kind == token.REVOKE or purpose == "free":
        assert rules.reason_for_two([one], purpose)


# Sessions and PINs


def test_a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours(vault, clock):
    ticket = ticket_of(vault)
    for _ in range(23):
        clock.now_s += 29 * 60
        assert vault.session(ticket).operator == OWNER
    clock.now_s += 30 * 60
    with pytest.raises(SignOnNeeded):
        vault.session(ticket)
    ticket = ticket_of(vault)
    for _ in range(24):
        clock.now_s += 29 * 60
        vault.session(ticket)
    clock.now_s += 24 * 60
    with pytest.raises(SignOnNeeded):
        vault.session(ticket)


def test_a_ticket_ends_with_sign_off_and_with_the_process(folder, vault):
    ticket, other = ticket_of(vault), ticket_of(vault)
    assert ticket != other
    assert len(bytes.fromhex(ticket)) == 32
    vault.sign_off(ticket)
    vault.sign_off(ticket)
    with pytest.raises(SignOnNeeded):
        vault.session(ticket)
    vault.close()
    with open_vault(folder) as again, pytest.raises(SignOnNeeded):
        again.session(other)


def test_five_wrong_pins_make_a_delay_that_doubles_and_outlives_a_restart(folder, vault, clock):
    for _ in range(5):
        with pytest.raises(Refused, match="another PIN"):
            vault.sign_on(CLERK, "000111")
    with pytest.raises(Refused, match="try again in 30 seconds"):
        vault.sign_on(CLERK, PINS[CLERK])
    clock.now_s += 30
    with pytest.raises(Refused, match="another PIN"):
        vault.sign_on(CLERK, "000111")
    vault.close()
    with open_vault(folder, clock) as again:
        with pytest.raises(Refused, match="try again in 60 seconds"):
            again.sign_on(CLERK, PINS[CLERK])
        assert again.sign_on(OWNER, PINS[OWNER]).operator == OWNER  # others are not delayed
        clock.now_s += 60
        assert again.sign_on(CLERK, PINS[CLERK]).operator == CLERK
        with pytest.raises(Refused, match="another PIN"):
            again.sign_on(CLERK, "000111")
        assert again.sign_on(CLERK, PINS[CLERK]).operator == CLERK


def test_an_unknown_operator_is_refused_in_the_same_words(vault):
    for number in (0, -1, 99, 1 << 80):
        with pytest.raises(Refused, match="is out of service, or has another PIN"):
            vault.sign_on(number, PINS[OWNER])


@pytest.mark.parametrize("pin", ["", "12345", "48291a", "111111", "123456", "987654", "890123", "٤٨٢٩١٥", "4" * 21])
def test_a_pin_that_is_short_or_plain_is_refused(vault, pin):
    with pytest.raises(Refused, match="PIN"):
        vault.set_pin(ticket_of(vault, CLERK), PINS[CLERK], pin)
    assert vault.sign_on(CLERK, PINS[CLERK])


def test_an_operator_changes_the_own_pin_and_other_sessions_end(vault):
    clerk, other = ticket_of(vault, CLERK), ticket_of(vault, CLERK)
    with pytest.raises(Refused, match="present PIN is wrong"):
        vault.set_pin(clerk, "000111", "274905")
    vault.set_pin(clerk, PINS[CLERK], "274905")
    assert vault.session(clerk).operator == CLERK
    with pytest.raises(SignOnNeeded):
        vault.session(other)
    with pytest.raises(Refused):
        vault.sign_on(CLERK, PINS[CLERK])
    assert vault.sign_on(CLERK, "274905").operator == CLERK


def test_the_unix_user_signs_on_only_as_the_operator_that_the_vault_knows(folder, vault):
    import os

    with pytest.raises(SignOnNeeded, match="knows no operator for Unix user"):
        vault.sign_on_as_user()
    owner = ticket_of(vault)
    vault.set_user(owner, os.getuid(), 0)
    with pytest.raises(SignOnNeeded):
        vault.sign_on_as_user()
    vault.set_user(owner, os.getuid(), CLERK)
    assert vault.sign_on_as_user().operator == CLERK
    with pytest.raises(Refused, match="not known"):
        vault.set_user(owner, 5, 99)
    vault.set_user(owner, os.getuid(), None)
    with pytest.raises(SignOnNeeded):
        vault.sign_on_as_user()
