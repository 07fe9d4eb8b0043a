"""The ledger's records and their effects on an account. The running meter and recovery both use these functions.

Every payload begins with the time, in UTC seconds. In most payloads pulses follow: those below one tally step, counted
before the record takes effect. `sequence` is a token's number, `carrier` one of `core.carrier`.
"""

import struct

from wattpurse.core import outcome
from wattpurse.core.money import credit_rules
from wattpurse.core.money.key_card import join48, split48
from wattpurse.core.money.known_cards import KnownCard
from wattpurse.core.tariffs.calendar import LATEST_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account
    from wattpurse.core.money.key_card import CardContent
    from wattpurse.core.money.standing import Standing
    from wattpurse.core.money.terms import Terms

DAYS_AT_ONCE = 3660

RATE = 1
DAY = 2
CREDIT = 3
TOKEN = 4
NUMBER = 5
CARD = 6
CARD_TERMS = 7
CARD_STEP = 8
TIME_BOUGHT = 9
DEBT_CHANGED = 10
TIME = 11
CARD_BACK = 12

NO_TOKEN = 0
TERMS = 0
STANDING = 1

_RATE_LAYOUT = "<IIB"  # time, pulses, rate
_DAY_LAYOUT = "<III"  # time, pulses, day
_CREDIT_LAYOUT = "<IIBBqq"  # time, sequence, unit, carrier, amount, balance that results
_TOKEN_LAYOUT = "<IIIBBB"  # time, pulses, sequence, token kind, carrier, outcome
_AMOUNT_LAYOUT = "<IIIBq"  # time, pulses, sequence, carrier, seconds of a term or micro-units of debt
_NUMBER_LAYOUT = "<IIIBBBq"  # time, pulses, sequence or NO_TOKEN, carrier, TERMS or STANDING, place, value
_CARD_LAYOUT = "<IIIIIHI"  # time, pulses, card number, version, spent in two parts, user
_CARD_TERMS_LAYOUT = "<IIHIIBHI"  # time, loaded in two parts, price, allowance, period, its number, used of it
_CARD_STEP_LAYOUT = "<IIIIH"  # time, card number, version, amount in two parts
_CARD_BACK_LAYOUT = "<IIIIHIIB"  # time, card number, version, spent in two parts, pending, owed, unproved

_TIME_LAYOUT = "<IIH"  # time, pulses, seconds until the next record of this kind

_DAYS_OF_A_RECORD = 2 * DAYS_AT_ONCE + 1  # a leap of the clock, from the most distant day that an account may have


class LedgerMismatch(Exception):
    """A record cannot follow the records before it: the journal and the program disagree."""


def rate(time_s: int, pulses: int, in_force: int) -> bytes:
    """Return the record of a change of rate."""
    return struct.pack(_RATE_LAYOUT, time_s, pulses, in_force)


def day(time_s: int, pulses: int, begun: int) -> bytes:
    """Return the record of a new local day."""
    return struct.pack(_DAY_LAYOUT, time_s, pulses, begun)


def credit(time_s: int, sequence: int, unit: int, carrier: int, amount: int, balance: int) -> bytes:
    """Return the record of a token that credited `amount`; `balance` is the result."""
    return struct.pack(_CREDIT_LAYOUT, time_s, sequence, unit, carrier, amount, balance)


def token(time_s: int, pulses: int, sequence: int, kind: int, carrier: int, result: int) -> bytes:
    """Return the record of a token that changes nothing in the account.

    `result` is ACCEPTED, or the outcome for which the token was voided.
    """
    return struct.pack(_TOKEN_LAYOUT, time_s, pulses, sequence, kind, carrier, result)


def amount(time_s: int, pulses: int, sequence: int, carrier: int, value: int) -> bytes:
    """Return the record of a token that bought `value` seconds of a term, or changed the debt by `value`."""
    return struct.pack(_AMOUNT_LAYOUT, time_s, pulses, sequence, carrier, value)


def number(time_s: int, pulses: int, sequence: int, carrier: int, holder: int, place: int, value: int) -> bytes:
    """Return the record of a change of one named number."""
    return struct.pack(_NUMBER_LAYOUT, time_s, pulses, sequence, carrier, holder, place, value)


def card(time_s: int, pulses: int, card_number: int, content: "CardContent") -> bytes:
    """Return the record of a key card (key_card.CardContent) in the slot. The card pays only after its `card_terms`."""
    return struct.pack(
        _CARD_LAYOUT, time_s, pulses, card_number, content.version, *split48(content.spent), content.user
    )


def card_terms(time_s: int, content: "CardContent") -> bytes:
    """Return the record of the remaining content of the key card. The card pays from now on."""
    return struct.pack(
        _CARD_TERMS_LAYOUT,
        time_s,
        *split48(content.loaded),
        content.price,
        content.allowance_mwh,
        content.period,
        content.period_number,
        content.used_mwh,
    )


def card_step(time_s: int, card_number: int, version: int, amount: int) -> bytes:
    """Return the record of a deduction: `amount` of the key card's debt, and the version to be written on the card."""
    return struct.pack(_CARD_STEP_LAYOUT, time_s, card_number, version, *split48(amount))


def time(time_s: int, pulses: int, duration_s: int) -> bytes:
    """Return the record of the present time. The clock does not pass `time_s + duration_s` without another one."""
    return struct.pack(_TIME_LAYOUT, time_s, pulses, duration_s)


def time_of(payload: bytes) -> int:
    """Return the time of a record."""
    return struct.unpack_from("<I", payload)[0]


def card_back(time_s: int, known: KnownCard) -> bytes:
    """Return the record of a card that comes back from the register. Its `card` record follows."""
    return struct.pack(
        _CARD_BACK_LAYOUT,
        time_s,
        known.number,
        known.version,
        *split48(known.spent),
        known.pending,
        known.owed,
        known.unproved,
    )


def numbers_of(account: "Account", holder: int) -> "Terms | Standing":
    """Return the named numbers of `holder`. Raise LedgerMismatch unless it is TERMS or STANDING."""
    if holder not in (TERMS, STANDING):
        raise LedgerMismatch(f"there are no numbers {holder}")
    return account.terms if holder == TERMS else account.standing


def apply(account: "Account", kind: int, payload: bytes) -> None:
    """Apply the change in a record. Raise LedgerMismatch or ValueError if it is impossible."""
    effect = _EFFECTS.get(kind)
    if effect is None:
        raise LedgerMismatch(f"record kind {kind} is not known")
    effect(account, payload)


def _apply_rate(account: "Account", payload: bytes) -> None:
    time_s, pulses, in_force = struct.unpack_from(_RATE_LAYOUT, payload)
    if in_force >= account.tariff.rate_count:
        raise LedgerMismatch("a rate record names a rate that the tariff does not have")
    account.count_pulses(pulses)
    account.rate = in_force
    account.time_s = max(account.time_s, time_s)


def _apply_day(account: "Account", payload: bytes) -> None:
    time_s, pulses, begun = struct.unpack_from(_DAY_LAYOUT, payload)
    if begun - account.day > _DAYS_OF_A_RECORD:
        raise LedgerMismatch("a day record leaps further than any clock may")
    account.count_pulses(pulses)
    account.enter_day(begun)
    account.rate = account.tariff.rate_at(time_s)
    account.time_s = max(account.time_s, time_s)


def _apply_credit(account: "Account", payload: bytes) -> None:
    _, sequence, unit, _, amount, balance = struct.unpack_from(_CREDIT_LAYOUT, payload)
    account.mark_token(sequence)
    credit_rules.take_credit(account, unit, amount)
    if account.credit_register(unit).balance != balance:
        raise LedgerMismatch("a credit record does not lead to its balance")


def _apply_token(account: "Account", payload: bytes) -> None:
    _, pulses, sequence, _, _, result = struct.unpack_from(_TOKEN_LAYOUT, payload)
    account.count_pulses(pulses)
    account.mark_token(sequence)
    if result != outcome.ACCEPTED:
        account.voided.note(sequence, result)


def _apply_time_bought(account: "Account", payload: bytes) -> None:
    time_s, pulses, sequence, _, duration_s = struct.unpack_from(_AMOUNT_LAYOUT, payload)
    account.count_pulses(pulses)
    account.mark_token(sequence)
    credit_rules.extend_term(account, time_s, duration_s)


def _apply_debt_changed(account: "Account", payload: bytes) -> None:
    _, pulses, sequence, _, change = struct.unpack_from(_AMOUNT_LAYOUT, payload)
    account.count_pulses(pulses)
    account.mark_token(sequence)
    credit_rules.change_debt(account, change)


def _apply_number(account: "Account", payload: bytes) -> None:
    _, pulses, sequence, _, holder, place, value = struct.unpack_from(_NUMBER_LAYOUT, payload)
    account.count_pulses(pulses)
    if sequence != NO_TOKEN:
        account.mark_token(sequence)
    numbers_of(account, holder).set_at(place, value)
    if sequence != NO_TOKEN and holder == STANDING:
        account.standing.note_order(place, sequence)
    credit_rules.note_balance(account)


def _apply_card(account: "Account", payload: bytes) -> None:
    _, pulses, number, version, *spent, user = struct.unpack_from(_CARD_LAYOUT, payload)
    account.count_pulses(pulses)
    account.cards.meet(number, version, join48(*spent), user)
    account.standing.set("card_in", 0)


def _apply_card_terms(account: "Account", payload: bytes) -> None:
    if account.cards.newest is None:
        raise LedgerMismatch("a record of card terms without a card")
    _, *loaded, price, allowance_mwh, period, number, used_mwh = struct.unpack_from(_CARD_TERMS_LAYOUT, payload)
    account.cards.take_terms(join48(*loaded), price, allowance_mwh, period, number, used_mwh, account.day)
    account.standing.set("card_in", 1)


def _apply_card_step(account: "Account", payload: bytes) -> None:
    _, number, version, *amount = struct.unpack_from(_CARD_STEP_LAYOUT, payload)
    account.cards.step(number, version, join48(*amount))


def _apply_time(account: "Account", payload: bytes) -> None:
    time_s, pulses, duration_s = struct.unpack_from(_TIME_LAYOUT, payload)
    account.count_pulses(pulses)
    account.time_s = max(account.time_s, time_s)
    account.standing.set("clock_until_s", min(time_s + duration_s, LATEST_S))


def _apply_card_back(account: "Account", payload: bytes) -> None:
    _, number, version, low, high, pending, owed, unproved = struct.unpack_from(_CARD_BACK_LAYOUT, payload)
    account.cards.bring_back(KnownCard(number, version, join48(low, high), pending, unproved, owed))


_EFFECTS = {
    RATE: _apply_rate,
    DAY: _apply_day,
    CREDIT: _apply_credit,
    TOKEN: _apply_token,
    NUMBER: _apply_number,
    CARD: _apply_card,
    CARD_TERMS: _apply_card_terms,
    CARD_STEP: _apply_card_step,
    TIME_BOUGHT: _apply_time_bought,
    DEBT_CHANGED: _apply_debt_changed,
    TIME: _apply_time,
    CARD_BACK: _apply_card_back,
}
