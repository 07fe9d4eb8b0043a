"""The order before a token: orders of a tenant wait for the move-in, and all others for their own card alone."""

import pytest

from wattpurse.core.messages import token
from wattpurse_tools.station.meter_now import MeterNow

CARD, OTHER, NONE = bytes((1, 2, 3, 4)), bytes((5, 6, 7, 8)), b""


def row(sequence, kind, card=NONE, after=0):
    return {"sequence": sequence, "kind": kind, "card": card.hex(), "after": after, "amount": 1}


def newest(waiting, uid=NONE, for_tenant=False):
    return MeterNow({"number": 1, "tenant": 0, "key_version": 1}, waiting).newest_order(uid, for_tenant)


MOVE_IN = row(3, token.TENANT, CARD)


@pytest.mark.parametrize("for_tenant", [False, True])
def test_a_token_is_behind_the_newest_order_of_its_card(for_tenant):
    waiting = [row(1, token.SWITCH), row(2, token.CREDIT_MONEY), row(3, token.SHORTAGE), row(4, token.SWITCH, OTHER)]
    assert newest(waiting, NONE, for_tenant) == 3
    assert newest(waiting, OTHER, for_tenant) == 4
    assert newest(waiting, CARD, for_tenant) == 0


@pytest.mark.parametrize("uid", [NONE, CARD, OTHER])
def test_an_order_of_a_tenant_is_behind_the_move_in_on_any_card(uid):
    assert newest([row(1, token.SWITCH), MOVE_IN], uid, for_tenant=True) == 3
    assert newest([MOVE_IN, row(4, token.SWITCH, uid)], uid, for_tenant=True) == 3


def test_an_order_of_a_tenant_is_behind_earlier_ones_that_wait_for_the_move_in():
    waiting = [MOVE_IN, row(4, token.PERMIT, after=3), row(5, token.SWITCH), row(6, token.PERMIT, after=4)]
    assert newest(waiting, for_tenant=True) == 6
    assert newest(waiting[:-1], for_tenant=True) == 4


def test_other_tokens_do_not_wait_for_a_move_in_by_another_card():
    waiting = [row(1, token.SWITCH), MOVE_IN, row(4, token.PERMIT, after=3)]
    assert newest(waiting) == 1
    assert newest(waiting, CARD) == 3


def test_all_orders_without_a_card_are_behind_a_move_in_without_a_card():
    waiting = [row(3, token.TENANT), row(4, token.PERMIT, after=3)]
    assert newest(waiting) == newest(waiting, for_tenant=True) == 4
