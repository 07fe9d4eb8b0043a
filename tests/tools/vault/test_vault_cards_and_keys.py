"""Cards and passes of the vault, and the keys that leave it: the same bytes as with the key files before."""

import pytest

from boards.host.chips.aes import aes
from tests.tools.vault import vault_bench
from tests.tools.vault.vault_bench import (
    CLERK,
    HELPER,
    METER,
    NOW_S,
    OPERATORS,
    OWNER,
    PINS,
    SECOND,
    SITE_KEYS,
    approved,
    cmac_key,
    meter_key,
    money,
    open_vault,
    ticket_of,
)
from wattpurse.core.messages import service_pass
from wattpurse.core.money import key_card
from wattpurse.core.money.key_card import BY_TARIFF, NO_ALLOWANCE, CardContent
from wattpurse.core.seals.sealing import KeyPair
from wattpurse_tools.vault.interface import ApprovalNeeded, LimitReached, Operator, Refused, SignOnNeeded

UID = bytes.fromhex("04a1b2c3d4e5f6")
OTHER_UID = bytes.fromhex("04ffffffffffff")
EXPIRY_S = 1_900_000_000


def content(version=1, loaded=0, spent=0, price=BY_TARIFF, allowance=(0, NO_ALLOWANCE, 0, 0)):
    return CardContent(version, loaded, spent, price, allowance, 5)


def card_pair(uid=UID, version=2):
    key = SITE_KEYS[version]
    return KeyPair(cmac_key(key, b"key card encrypt." + uid), cmac_key(key, b"key card authent." + uid))


def test_the_site_keeps_the_fingerprint_and_the_keys_that_its_key_file_gave(vault):
    assert vault.fingerprint() == "82e7a4d6d4774c8170523d6fef8e4612"
    assert vault.card_keys(UID, 2) == (bytes.fromhex("bbcf8d7cd3a2"), bytes.fromhex("25807206a341"))
    point = vault.vending_point(ticket_of(vault), 2, [METER])
    assert (point["format"], point["issuer"]) == (3, 2)
    assert point["keys"][0] == {
        "key_version": 1,
        "site_key": "6465666768696a6b6c6d6e6f70717273",
        "operator_key": "d9f60178627a9223ec46a427d56b43e7",
        "meters": {
            "1001": {
                "issuer_key": "9304a3d9fb07a69115b86f275c4a3a58",
                "statement_key": "8793b503342ba016e8a39cb6ded7c97c",
            }
        },
    }


def test_passes_release_and_event_key_are_those_of_the_key_file(vault):
    ticket = ticket_of(vault)
    made = vault.seal_service_pass(ticket, UID, 9, EXPIRY_S, [(METER, 1)])
    assert made.hex() == "020000000900000000b33f71e9030000b7ec1f0f862b76ca"
    assert vault.release(ticket, 77, 1, METER, 2, 2).hex() == "1c6cf2add546c406"
    assert vault.event_keys(ticket, METER)[0].hex() == "07d67a86357aaa211be49b5c46b05173"
    vault.set_operator(ticket, Operator(CLERK, "clerk", ("sell",), uid=UID))
    assert vault.seal_operator_pass(ticket, UID, CLERK, EXPIRY_S).hex() == "0300000000b33f718ebede966ba77ad8"


def test_meter_keys_are_those_that_are_derived_independently(vault):
    assert vault.meter_keys(ticket_of(vault), METER, 1, 2) == (meter_key(), SITE_KEYS[2])


def test_a_service_card_opens_only_the_meters_that_it_names_and_only_on_its_card(vault):
    made = vault.seal_service_pass(ticket_of(vault, HELPER), UID, 9, EXPIRY_S, [(METER, 1), (METER + 1, 2)])
    assert vault.open_service_pass(UID, made, METER) == (9, EXPIRY_S)
    assert vault.open_service_pass(UID, made, METER + 1) == (9, EXPIRY_S)
    assert vault.open_service_pass(UID, made, METER + 2) is None
    assert vault.open_service_pass(OTHER_UID, made, METER) is None
    assert vault.open_service_pass(UID, made[:-1], METER) is None
    assert service_pass.open_service_pass(aes, UID, METER, (meter_key(),), made) == (9, EXPIRY_S)


def test_an_operator_signs_on_with_the_card_that_the_vault_knows(vault, clock):
    owner = ticket_of(vault)
    with pytest.raises(Refused, match="knows another card, or none"):
        vault.seal_operator_pass(owner, UID, CLERK, EXPIRY_S)
    vault.set_operator(owner, Operator(CLERK, "clerk", ("sell",), uid=UID))
    made = vault.seal_operator_pass(owner, UID, CLERK, NOW_S + 60)
    assert vault.sign_on_with_card(UID, made).operator == CLERK
    with pytest.raises(Refused, match="not made with the keys"):
        vault.sign_on_with_card(OTHER_UID, made)
    with pytest.raises(Refused, match="not made with the keys"):
        vault.sign_on_with_card(UID, made[:-1] + b"\0")
    vault.set_operator(owner, Operator(CLERK, "clerk", ("sell",), uid=OTHER_UID))
    with pytest.raises(Refused, match="not the card that the vault knows"):
        vault.sign_on_with_card(UID, made)
    vault.set_operator(owner, Operator(CLERK, "clerk", ("sell",), uid=UID))
    clock.now_s += 60
    with pytest.raises(Refused, match="expired"):
        vault.sign_on_with_card(UID, made)


def test_a_pass_for_the_card_of_another_operator_needs_two_persons(strict_vault):
    owner, second = ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    clerk = Operator(CLERK, "clerk", ("sell",), uid=UID)
    with pytest.raises(ApprovalNeeded) as needed:
        strict_vault.set_operator(owner, clerk)
    strict_vault.set_operator(owner, clerk, approval=approved(strict_vault, needed.value, owner, second))
    with pytest.raises(ApprovalNeeded) as needed:
        strict_vault.seal_operator_pass(owner, UID, CLERK, EXPIRY_S)
    number = approved(strict_vault, needed.value, owner, second)
    assert strict_vault.seal_operator_pass(owner, UID, CLERK, EXPIRY_S, number)


def test_a_key_card_opens_at_a_meter_and_again_here(vault):
    made = vault.seal_key_card(ticket_of(vault), UID, 2, content(3, 5_000_000, 1_000))
    assert key_card.open_content(aes, card_pair(), made).balance == 4_999_000
    found = vault.open_key_card(UID, made)
    assert (found.version, found.loaded, found.spent, found.user) == (3, 5_000_000, 1_000, 5)
    assert vault.open_key_card(OTHER_UID, made) is None
    assert vault.open_key_card(UID, made[:-1] + b"\0") is None
    assert vault.open_key_card(UID, b"") is None


def test_credit_on_key_cards_counts_to_the_limits_of_the_clerk(vault):
    clerk = ticket_of(vault, CLERK)
    vault.seal_key_card(clerk, UID, 2, content(1, 50_000_000))
    vault.seal_key_card(clerk, UID, 2, content(1, 50_000_000))  # a repair adds nothing
    with pytest.raises(LimitReached, match="one token"):
        vault.seal_key_card(clerk, UID, 2, content(2, 100_000_001))
    vault.seal_key_card(clerk, UID, 2, content(2, 100_000_000))
    with pytest.raises(LimitReached, match="for a day"):
        vault.seal_key_card(clerk, OTHER_UID, 2, content(1, 1))
    with pytest.raises(LimitReached):
        vault.issue(clerk, METER, 1, [money(1)], 0, "sale")


def test_spent_credit_that_a_record_takes_back_counts_as_added(vault):
    clerk, owner = ticket_of(vault, CLERK), ticket_of(vault)
    vault.seal_key_card(owner, UID, 2, content(1, 200_000_000))
    spent = key_card.seal_content(aes, card_pair(), content(2, 200_000_000, 150_000_000))
    assert vault.open_key_card(UID, spent) is not None
    with pytest.raises(LimitReached):
        vault.seal_key_card(clerk, UID, 2, content(3, 200_000_000, 0))
    vault.seal_key_card(clerk, UID, 2, content(3, 200_000_000, 150_000_000))


def test_a_clerk_changes_no_price_and_no_allowance_of_a_key_card(vault):
    clerk = ticket_of(vault, CLERK)
    for terms in ({"price": 0}, {"allowance": (1_000_000, key_card.DAY, 0, 0)}):
        with pytest.raises(Refused, match="'order'"):
            vault.seal_key_card(clerk, UID, 2, content(**terms))
    vault.seal_key_card(ticket_of(vault), UID, 2, content(price=200_000))
    vault.seal_key_card(clerk, UID, 2, content(2, 1_000, price=200_000))


def test_a_number_on_a_key_card_that_cannot_be_is_refused(vault):
    ticket = ticket_of(vault)
    for odd in (
        content(-1),
        content(loaded=-1),
        content(loaded=1 << 47),
        content(price=1 << 32),
        content(spent=1 << 50),
    ):
        with pytest.raises(Refused, match="out of range"):
            vault.seal_key_card(ticket, UID, 2, odd)


def test_the_keys_of_a_meter_in_service_need_two_persons(strict_vault):
    owner, second = ticket_of(strict_vault), ticket_of(strict_vault, SECOND)
    assert strict_vault.meter_keys(owner, METER, 1, 1) == (meter_key(), SITE_KEYS[1])
    strict_vault.issue(owner, METER, 1, [money(1)], 0, "sale")
    with pytest.raises(ApprovalNeeded) as needed:
        strict_vault.meter_keys(owner, METER, 1, 1)
    number = approved(strict_vault, needed.value, owner, second)
    with pytest.raises(ApprovalNeeded, match="something else"):
        strict_vault.meter_keys(owner, METER, 1, 2, number)
    assert strict_vault.meter_keys(owner, METER, 1, 1, number) == (meter_key(), SITE_KEYS[1])


def test_rolled_keys_serve_at_once_and_after_a_restart(folder, vault):
    ticket = ticket_of(vault)
    assert vault.roll(ticket) == 3
    assert (vault.versions, vault.newest_version, vault.before(3), vault.after(3)) == ((1, 2, 3), 3, 2, None)
    key_of_meter, site_key = vault.meter_keys(ticket, METER, 3, 3)
    assert len({key_of_meter, meter_key(), meter_key(version=2)}) == 3
    vault.close()
    with open_vault(folder) as again:
        assert again.meter_keys(ticket_of(again), METER, 3, 3) == (key_of_meter, site_key)


def test_only_255_versions_are_made(tmp_path):
    from tests.tools.vault import vault_bench

    document = vault_bench.key_file_document((1,))
    document["keys"][0]["key_version"] = 254
    vault_bench.make(tmp_path / "vault", document=document)
    with open_vault(tmp_path / "vault") as vault:
        assert vault.roll(ticket_of(vault)) == 255
        with pytest.raises(Refused, match="last possible"):
            vault.roll(ticket_of(vault))


def test_nobody_without_the_right_makes_a_pass_or_gets_a_key(vault):
    clerk = ticket_of(vault, CLERK)
    for call in (
        lambda: vault.seal_service_pass(clerk, UID, 9, EXPIRY_S, [(METER, 1)]),
        lambda: vault.seal_operator_pass(clerk, UID, CLERK, EXPIRY_S),
        lambda: vault.meter_keys(clerk, METER, 1, 1),
        lambda: vault.event_keys(clerk, METER),
        lambda: vault.release(clerk, 77, 1, METER, 1, 1),
        lambda: vault.roll(clerk),
        lambda: vault.vending_point(clerk, 2, [METER]),
        lambda: vault.raise_count(clerk, METER, 5),
        lambda: vault.set_operator(clerk, OPERATORS[CLERK]),
        lambda: vault.set_user(clerk, 5, CLERK),
        lambda: vault.approve(clerk, "1"),
    ):
        with pytest.raises(Refused, match="needs the right"):
            call()
    assert [entry.action for entry in vault.log()] == ["start", "sign on"]


def test_nobody_without_a_session_makes_anything(vault):
    for call in (
        lambda: vault.issue("00" * 32, METER, 1, [money(1)], 0, "sale"),
        lambda: vault.settle("", METER, 1, "paid out"),
        lambda: vault.digits("", METER, b""),
        lambda: vault.seal_key_card("", UID, 2, content()),
        lambda: vault.seal_service_pass("", UID, 9, EXPIRY_S, []),
        lambda: vault.meter_keys("", METER, 1, 1),
        lambda: vault.roll(""),
        lambda: vault.propose("", "void", {}, "why"),
        lambda: vault.requests(""),
        lambda: vault.set_pin("", PINS[OWNER], PINS[SECOND]),
    ):
        with pytest.raises(SignOnNeeded):
            call()


def test_the_most_that_a_memory_card_may_hold(folder):
    vault_bench.make(folder)
    with open_vault(folder) as vault:
        vault.seal_key_card(ticket_of(vault), UID, 2, content(1, 5_000_000))
        vault.change_memory_cards(2_000_000)
    with open_vault(folder) as vault:  # it is in the key file
        assert vault.memory_card_microunits == 2_000_000
        ticket = ticket_of(vault)
        with pytest.raises(Refused, match="at most"):
            vault.seal_key_card(ticket, OTHER_UID, 2, content(1, 2_000_001))
        vault.seal_key_card(ticket, OTHER_UID, 2, content(1, 2_000_000))
        vault.seal_key_card(ticket, UID, 2, content(2, 5_000_000, 100))  # a repair adds nothing
        with pytest.raises(Refused, match="at most"):
            vault.seal_key_card(ticket, UID, 2, content(3, 5_000_001, 100))
        vault.seal_key_card(ticket, UID, 2, content(3, 6_000_000, 4_000_000))
        vault.change_memory_cards(0)
        with pytest.raises(Refused, match="DESFire"):
            vault.seal_key_card(ticket, bytes(7), 2, content(1, 0))
        vault.change_memory_cards(None)
        vault.seal_key_card(ticket, bytes(7), 2, content(1, 0))
        with pytest.raises(Refused):
            vault.change_memory_cards(-1)
