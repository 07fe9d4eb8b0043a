"""The vault's calls for dispensing units: right keys, two persons, and credit that neither repeats nor goes back.

The sealed record is opened with the `cryptography` package, under keys that are derived by another CMAC.
"""

import dataclasses
import json
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from tests.tools.vault.vault_bench import (
    CLERK,
    METER,
    NOW_S,
    OWNER,
    SECOND,
    SITE_KEYS,
    VENDING_KEYS,
    approved,
    cmac_key,
    make,
    meter_key,
    open_vault,
    ticket_of,
)
from wattpurse.core.seals.sealing import KeyPair
from wattpurse.dispenser import system_card
from wattpurse_tools.vault import wire
from wattpurse_tools.vault.interface import (
    ApprovalNeeded,
    DispenserCredit,
    DispenserMeter,
    DispenserOffer,
    DispenserRecord,
    DispenserTerm,
    Refused,
)

ISSUER = 3
UID = bytes.fromhex("04a1b2c3d4e5f6")
RECORD = DispenserRecord(
    issuer=ISSUER,
    unit_version=2,
    issue=1,
    term=DispenserTerm(made_s=NOW_S, expires_s=NOW_S + 1_000_000),
    credit=DispenserCredit(allowed=50_000, settled_sum=700, settled_sale=9, most=20_000),
    offer=DispenserOffer("EUR", 2, (350_000, 0, 0), (DispenserMeter(METER, 77, 1, 41, 1),), site_version=2),
    riding=b"riding",
)


def record(**changes):
    """Return RECORD with changes of its fields and of those of its parts."""
    made = RECORD
    for name in ("term", "credit", "offer"):
        part = getattr(made, name)
        own = {field.name: changes.pop(field.name) for field in dataclasses.fields(part) if field.name in changes}
        made = dataclasses.replace(made, **{name: dataclasses.replace(part, **own)})
    return dataclasses.replace(made, **changes)


@pytest.fixture
def vault(tmp_path):
    make(tmp_path / "vault")
    with open_vault(tmp_path / "vault") as opened:
        yield opened


@pytest.fixture
def house_of_two(tmp_path):
    make(tmp_path / "two", persons=2)
    with open_vault(tmp_path / "two") as opened:
        yield opened


def unit_key(version=2):
    return cmac_key(VENDING_KEYS[version], b"dispenser" + bytes((ISSUER,)))


def opened(sealed, header_size, words):
    """Return the payload of a sealed message of the system card, opened without the code of the firmware."""
    encryption, authentication = (cmac_key(unit_key(), one + UID) for one in words)
    mac = CMAC(algorithms.AES(authentication))
    mac.update(sealed[:-8])
    assert mac.finalize()[:8] == sealed[-8:]
    start = sealed[:header_size] + bytes(16 - header_size)
    iv = Cipher(algorithms.AES(encryption), modes.ECB()).encryptor().update(start)  # noqa: S305 as the seal wants it
    return Cipher(algorithms.AES(encryption), modes.CBC(iv)).decryptor().update(sealed[header_size:-8])


def test_the_record_of_a_system_card_is_what_its_format_says(vault):
    sealed = vault.seal_system_card(ticket_of(vault), UID, RECORD)
    assert struct.unpack_from("<BBBBIHH", sealed) == (0x53, 1, ISSUER, (len(sealed) - 20) // 16, 1, 6, 0)
    payload = opened(sealed, 12, (b"system card enc.", b"system card auth."))
    head = struct.unpack_from("<IIIHIHII3sBIII16sB", payload)
    assert head[:10] == (NOW_S, NOW_S + 1_000_000, 50_000, 0, 700, 0, 9, 20_000, b"EUR", 2)
    assert head[10:] == (350_000, 0, 0, SITE_KEYS[2], 1)
    issuer_key = cmac_key(meter_key(METER, 1), b"issuer" + bytes((ISSUER,)))
    statement_key = cmac_key(meter_key(METER, 1), b"statements")
    meter = struct.unpack_from("<III16s16s", payload, 61)
    assert meter == (METER, 77 | 1 << 24, 41 | 1 << 28, issuer_key, statement_key)
    assert payload[105:111] == b"riding"


def test_the_key_of_a_unit_is_derived_from_the_vending_key_of_its_version(vault):
    assert vault.dispenser_key(ticket_of(vault), ISSUER, 1) == unit_key(1)
    assert vault.dispenser_key(ticket_of(vault), ISSUER, 2) == unit_key(2)


def test_sales_are_opened_and_torn_blocks_are_told_apart(vault):
    from boards.host.chips.aes import aes

    pair = KeyPair(*(cmac_key(unit_key(), words + UID) for words in (b"system sales enc.", b"system sales auth.")))
    sales = [system_card.CardSale(10 + place, METER, 41 + place, 500, 7, 1) for place in range(3)]
    block = system_card.seal_sales(aes, pair, ISSUER, sales)
    torn = block[:20] + bytes(44)
    told = vault.open_system_sales(UID, ISSUER, 2, [block, torn, bytes(64)])
    assert told == [[(10, METER, 41, 500, 7, 1), (11, METER, 42, 500, 7, 1), (12, METER, 43, 500, 7, 1)], None, None]
    payload = opened(block, 8, (b"system sales enc.", b"system sales auth."))
    assert struct.unpack_from("<IHBHBH", payload, 12) == (METER, 42, 0, 500, 0, 7)
    assert vault.open_system_sales(b"\x04" * 7, ISSUER, 2, [block]) == [None]


def test_an_issue_is_made_once_and_its_credit_never_goes_back(vault):
    ticket = ticket_of(vault)
    assert vault.dispenser_known(ISSUER) == (0, 0)
    vault.seal_system_card(ticket, UID, RECORD)
    assert vault.dispenser_known(ISSUER) == (1, 50_000)
    for wrong in ({}, {"issue": 2, "allowed": 49_999}):
        with pytest.raises(Refused, match="issue 1"):
            vault.seal_system_card(ticket, UID, record(**wrong))
    vault.seal_system_card(ticket, UID, record(issue=2))
    assert vault.dispenser_known(ISSUER) == (2, 50_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": 0},
        {"issuer": 16},
        {"issue": 0},
        {"issue": 1 << 16},
        {"allowed": 1 << 48},
        {"settled_sum": 50_001},
        {"prices": (1, 2)},
        {"currency": "euro"},
        {"decimals": 7},
        {"meters": ()},
        {"meters": RECORD.offer.meters * 2},
        {"meters": (dataclasses.replace(RECORD.offer.meters[0], product=4),)},
        {"unit_version": 9},
        {"riding": bytes(800)},
    ],
)
def test_a_record_that_cannot_be_is_refused(vault, wrong):
    with pytest.raises(ValueError):
        vault.seal_system_card(ticket_of(vault), UID, record(**wrong))
    assert vault.dispenser_known(ISSUER) == (0, 0)


def test_a_clerk_makes_no_card_and_gets_no_key(vault):
    with pytest.raises(Refused, match="keys"):
        vault.seal_system_card(ticket_of(vault, CLERK), UID, RECORD)
    with pytest.raises(Refused, match="keys"):
        vault.dispenser_key(ticket_of(vault, CLERK), ISSUER, 1)


def test_two_persons_make_each_issue(house_of_two):
    ticket = ticket_of(house_of_two, OWNER)
    with pytest.raises(ApprovalNeeded) as needed:
        house_of_two.seal_system_card(ticket, UID, RECORD)
    request = approved(house_of_two, needed.value, ticket, ticket_of(house_of_two, SECOND))
    told = next(one for one in house_of_two.requests(ticket) if one.number == request)
    assert "500.00 EUR more credit" in told.words
    assert "meters 1001" in told.words
    other = record(allowed=60_000)
    with pytest.raises(Refused):
        house_of_two.seal_system_card(ticket, UID, other, request)
    assert house_of_two.seal_system_card(ticket, UID, RECORD, request)
    with pytest.raises(Refused):
        house_of_two.seal_system_card(ticket, UID, record(issue=2), request)


def test_a_record_goes_over_the_socket_as_it_is():
    assert wire.decoded(json.loads(json.dumps(wire.encoded(RECORD)))) == RECORD
