"""The station's record in the office's database: meters, cards, and every token ever issued, with its operator.

The vault uses a token's number first. The sealed token is in the record before anything is written to a card. A number
is used once, even if the program stops or an older record is restored. A token that did not reach its card is written
later, to the same card or another, unchanged.

Several processes work on one record at once. A step that makes tokens locks the row of their meter until it ends.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import transaction
from django.db.models import Q

from wattpurse.core.currency import Currency
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import OFFICE, WINDOW, count_of, issuer_of, number_of, number_text
from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.record.models import Card, Contract, Meter, Statement, Token
from wattpurse_tools.station import lost_orders, usefulness
from wattpurse_tools.station.key_card_record import KeyCardRecord
from wattpurse_tools.station.key_history import KeyHistory
from wattpurse_tools.station.meter_now import MeterNow, locked_row
from wattpurse_tools.station.monthly_readings import note_months
from wattpurse_tools.station.order import (
    BENEFIT_KINDS,
    CREDIT_KINDS,
    ISSUED,
    KEY_KINDS,
    ON_CARD,
    OUTDATED,
    OUTSTANDING,
    REDEEMED,
    TAKING,
    VOIDED,
    Order,
)
from wattpurse_tools.station.receipts import Receipts
from wattpurse_tools.station.rows import Row, meter_row, meter_rows, token_row
from wattpurse_tools.station.short_tokens import ShortTokens
from wattpurse_tools.station.statement_record import SINCE, Statements, bought_in
from wattpurse_tools.station.token_numbers import TokenNumbers
from wattpurse_tools.station.token_record import TokenRecord
from wattpurse_tools.vault.interface import DEBT, ORDERED, REFUND, SALE, Keys, SealedToken

NO_CARD = b""
NO_TENANT = 0

METER_LIMIT = (1 << 32) - 1

# States of a card.
ACTIVE = "active"
LOST = "lost"
BLOCKED = "blocked"
ERASED = "erased"

# Each statement that tells news asks these.
_UNDECIDED = CompiledValues(
    lambda meter: (
        Token.objects.filter(meter=meter)
        .exclude(state__in=(REDEEMED, VOIDED))
        .values_list("id", "sequence", "state", "kind", "amount")
    ),
    1,
)
_SEQUENCES = CompiledValues(
    lambda meter, lowest, highest: Token.objects.filter(
        meter=meter, sequence__gte=lowest, sequence__lte=highest
    ).values_list("sequence"),
    1,
    2,
    3,
)
_NEWEST_TENANT = CompiledValues(
    lambda meter: (
        Token.objects.filter(meter=meter, kind=token.TENANT, state=REDEEMED)
        .order_by("-sequence")
        .values_list("amount")[:1]
    ),
    -1,
)

_REASON_LIMIT = 240
_NOT_IN_RECORD = "not in this record"


class Person(Protocol):
    """The person who has signed on at the vault: a session of it, or an actor of the office."""

    @property
    def operator(self) -> int:
        """The number of the person."""
        ...

    @property
    def ticket(self) -> str:
        """The ticket of the session."""
        ...

    @property
    def rights(self) -> Collection[str]:
        """The rights of the person."""
        ...


@dataclass(frozen=True)
class Deal:
    """The circumstances of new tokens: the vault's `purpose`, an `approval`, and the rows `sale` and `tenancy`, by id.

    Without a purpose it follows from the kind of the tokens. Without a tenancy the tokens are the meter's own. With
    `has_digits`, each token is given out as twenty digits, which the record keeps with it.
    """

    purpose: str | None = None
    approval: str | None = None
    sale: int | None = None
    tenancy: int | None = None
    has_digits: bool = False


class Station(TokenRecord):
    """The open record, with the vault `keys` and the `person` who works, or None if nobody has signed on.

    `numbers`, `receipts`, `statements`, `key_history`, `key_cards` and `short_tokens` are parts of the record.
    """

    def __init__(self, keys: Keys, person: Person | None = None) -> None:
        self.keys = keys
        self.person = person
        self.numbers = TokenNumbers(keys)
        self.receipts = Receipts(keys)
        self.statements = Statements(keys)
        self.key_history = KeyHistory(keys)
        self.key_cards = KeyCardRecord()
        self.short_tokens = ShortTokens(keys)

    @property
    def operator(self) -> int | None:
        """The number of the person who has signed on, or None."""
        return None if self.person is None else self.person.operator

    @property
    def ticket(self) -> str:
        """The ticket of the person. Raise ValueError if nobody has signed on."""
        if self.person is None:
            raise ValueError("nobody has signed on; name your operator's card with --operator CARD")
        return self.person.ticket

    def require(self, *rights: str) -> None:
        """Raise ValueError unless the person who has signed on has one of these rights."""
        if self.person is None or not any(right in self.person.rights for right in rights):
            who = "nobody has signed on, and this" if self.person is None else f"operator {self.operator}: this"
            named = " or ".join(repr(right) for right in rights)
            raise ValueError(f"{who} needs the right {named}; sign on with --operator CARD, or ask a manager for it")

    def add_meter(self, number: int, currency: Currency, contract: str = contracts.PrepaidMoney.name) -> bool:
        """Add a meter and return True. Return False if it is in the record. Raise ValueError for a wrong number.

        `contract` is the name of its contract. It decides what is sold, until a statement tells another one.
        """
        check_meter_number(number)
        unit = usefulness.unit_of(contract) if contract else None
        with transaction.atomic():
            _, is_new = Meter.objects.get_or_create(
                number=number,
                defaults={
                    "currency": currency.code,
                    "decimals": currency.decimals,
                    "key_version": self.keys.newest_version,
                    "site_version": self.keys.newest_version,
                    "contract": contract,
                    "unit": unit,
                    "added_s": int(time.time()),
                },
            )
            if is_new and contract:
                Contract.objects.create(meter_id=number, name=contract, from_s=int(time.time()))
        return is_new

    def remove_meter(self, number: int) -> None:
        """Remove a meter that was added by mistake. Raise ValueError if it has any history."""
        self.known_meter(number)
        has_history = (
            Token.objects.filter(meter_id=number).exists()
            or Statement.objects.filter(meter_id=number).exists()
            or Card.objects.filter(meter_number=number).exclude(state=ERASED).exists()
            or self.keys.last_count(number) > 0
        )
        if has_history:
            raise ValueError(f"meter {number} has tokens, statements or a card, which are kept for ever; it stays")
        with transaction.atomic():
            Contract.objects.filter(meter_id=number).delete()
            Meter.objects.filter(number=number).delete()

    def meters(self) -> list[Row]:
        """Return the rows of all meters, by number."""
        return meter_rows(Meter.objects.order_by("number"))

    def meter(self, number: int) -> Row | None:
        """Return the row of one meter, or None."""
        rows = meter_rows(Meter.objects.filter(number=number))
        return rows[0] if rows else None

    def known_meter(self, number: int) -> Row:
        """Return the row of one meter. Raise ValueError, with the remedy, if it is not in the record."""
        meter = self.meter(number)
        if meter is None:
            raise _not_known(number)
        return meter

    def add_card(self, uid: bytes, name: str, meter_number: int, role: str = "", kind: str = "") -> None:
        """Add a card, or begin it anew: its name, its meter and its tenant. Meter 0 means a card without a meter."""
        tenant = self.tenant(meter_number) if self.meter(meter_number) is not None else NO_TENANT
        facts = {"name": name, "meter_number": meter_number, "state": ACTIVE, "tenant": tenant}
        facts |= {"role": role} if role else {}
        facts |= {"kind": kind} if kind else {}
        Card.objects.update_or_create(
            uid=uid.hex(), defaults=facts, create_defaults={**facts, "issued_s": int(time.time())}
        )

    def card(self, uid: bytes) -> Row | None:
        """Return the row of one card, or None."""
        return Card.objects.filter(uid=uid.hex()).values().first()

    def name_of_card(self, uid: bytes) -> str | None:
        """Return the name of a card in use, or None for a card that is new or erased."""
        row = self.card(uid)
        return None if row is None or row["state"] == ERASED else row["name"]

    def note_card(self, uid: bytes, **facts: object) -> None:
        """Change facts of a card: its state, its name, its meter."""
        Card.objects.filter(uid=uid.hex()).update(**facts)

    def issue(self, meter_number: int, uid: bytes, order: Order, deal: Deal | None = None) -> Row:
        """Make the next token of a meter, for one card or for NO_CARD. Return its row.

        Raise ValueError if the person has no right to it, if money would be lost, or if sales to the meter are stopped.
        """
        return self.issue_all(meter_number, uid, [order], deal=deal)[0]

    def issue_all(
        self,
        meter_number: int,
        uid: bytes,
        orders: Sequence[Order],
        deal: Deal | None = None,
    ) -> list[Row]:
        """Make a token of each order, all or none, and return their rows.

        Each token names the newest order before it on the same card, which the meter must redeem first.
        """
        with transaction.atomic(savepoint=False):
            locked = locked_row(meter_number)
            row = self.known_meter(meter_number) if locked is None else meter_row(locked)
            now = MeterNow(row, self.outstanding_of_meter(meter_number))
            return [token_row(one) for one in self.make_all(now, uid, orders, deal)]

    def make_all(
        self,
        now: MeterNow,
        uid: bytes,
        orders: Sequence[Order],
        deal: Deal | None = None,
    ) -> list[Token]:
        """Make a token of each order as `issue_all` does, for a meter whose row the caller has locked and read."""
        deal, meter_number, ticket = deal or Deal(), now.number, self.ticket
        with transaction.atomic(savepoint=False):
            for order in orders:
                self._refuse_order(now, order)
            self.numbers.refuse_to_lose_the_oldest(now, len(orders))
            tenant = now.tenant
            wanted = []
            for order in orders:
                wanted.append(order.for_tenant(tenant))
                tenant = order.amount if order.kind == token.TENANT else tenant
            sealed = self.keys.issue(
                ticket,
                meter_number,
                now.sealing_version,
                wanted,
                now.newest_order(uid, any(_is_order_of_tenant(order.kind) for order in orders)),
                deal.purpose or _purpose(orders),
                deal.approval,
            )
            owners = [one.tenant for one in wanted]
            places = zip(sealed, orders, owners, strict=True)
            made = [self._add_token(meter_number, uid, *place, deal) for place in places]
            for order in orders:
                self.short_tokens.learn(meter_number, order)
            self.numbers.note_made(meter_number, sealed[-1].sequence)
            return made

    def _add_token(
        self, meter_number: int, uid: bytes, one: SealedToken, order: Order, owner: int, deal: Deal
    ) -> Token:
        """Insert a new token and return it."""
        return Token.objects.create(
            meter_id=meter_number,
            sequence=one.sequence,
            kind=order.kind,
            words=order.words,
            unit=order.unit,
            amount=order.amount,
            issued_s=int(time.time()),
            card=uid.hex(),
            sealed=one.sealed,
            state=ISSUED,
            operator=self.operator,
            tenant=owner,
            after=one.after,
            receipt_card=order.card,
            sale_id=deal.sale,
            tenancy_id=deal.tenancy,
            digits=self.keys.digits(self.ticket, meter_number, one.sealed) if deal.has_digits else "",
        )

    def tenant(self, meter_number: int) -> int:
        """Return the tenant that the next token is for: the one that moves in with the newest token, or is in."""
        moving_in = Token.objects.filter(meter_id=meter_number, kind=token.TENANT, state__in=OUTSTANDING)
        newest = moving_in.order_by("-sequence").values_list("amount", flat=True).first()
        return self.known_meter(meter_number)["tenant"] if newest is None else newest

    def replace_card(self, lost: str, meter_number: int, uid: bytes) -> None:
        """Make the receipts of all cards that ever had the name `lost` those of another card, and block the lost."""
        others = Card.objects.filter(name=lost).exclude(uid=uid.hex())
        new = Card.objects.get(uid=uid.hex())
        for card in others:
            old_number, number = card_number(bytes.fromhex(card.uid)), card_number(uid)
            self.receipts.move(meter_number, old_number, number)
            if card.meter_number == meter_number:
                new.tenant = card.tenant
        new.save(update_fields=["tenant"])
        others.filter(state=ACTIVE).update(state=LOST)

    def take_over(self, uid: bytes, on_card: Sequence[bytes]) -> None:
        """Keep tokens on a card that a dispensing unit put there: of its sales, and those that rode along.

        From then on the station writes them to this card together with its own.
        """
        for sealed in on_card:
            header = token.read_header(sealed)
            if header is not None:
                idle = Token.objects.filter(meter_id=header[0], sequence=header[1], card="", state__in=OUTSTANDING)
                known = idle.filter(Q(sealed=b"") | Q(sealed=sealed))
                known.update(card=uid.hex(), sealed=sealed, state=ON_CARD)

    def learn(self, statement: dict) -> None:
        """Record the facts that an authentic statement proves.

        These are redeemed, voided and outdated tokens, used numbers, the contract, the tenant and a receipt. If record
        and statement cannot both be right, sales to the meter stop.
        """
        meter_number = statement["meter_number"]
        with transaction.atomic():
            meter = locked_row(meter_number)
            if meter is None:
                raise _not_known(meter_number)
            self._learn_tokens(statement)
            self.receipts.book(statement)
            self.receipts.take_over_marks(meter_number)
            self.statements.keep(statement)
            note_months(meter_number, statement)
            for issuer, (top, _) in statement["windows"].items():
                self.numbers.learn(meter, number_of(issuer, top))
            if meter.told_s <= statement["time_s"]:
                self._learn_meter(meter, statement)
            self._stop_if_wrong(meter, statement)

    def _learn_tokens(self, statement: dict) -> None:
        meter_number, time_s = statement["meter_number"], statement["time_s"]
        voided = [sequence for sequence, _ in statement.get("voided", ())]
        for key, sequence, known_state, kind, amount in _UNDECIDED.rows(meter_number):
            state = None
            if is_redeemed(statement, sequence):
                state = VOIDED if sequence in voided else REDEEMED
            elif known_state in OUTSTANDING and is_too_old(statement, sequence):
                state = OUTDATED
            if state is None:
                continue
            redeemed_s = None if state == OUTDATED else time_s
            Token.objects.filter(id=key).update(state=state, redeemed_s=redeemed_s)
            if state != REDEEMED or known_state not in OUTSTANDING:
                lost_orders.note(meter_number, kind)
            if state == REDEEMED and kind in KEY_KINDS:
                self.key_history.note_redeemed(meter_number, kind, amount)

    def _learn_meter(self, meter: Meter, statement: dict) -> None:
        """Note the facts of the newest statement."""
        name = contracts.by_code(statement["contract"]).name
        if meter.contract != name:
            Contract.objects.filter(meter=meter, until_s=None).update(until_s=statement["time_s"])
            Contract.objects.create(meter=meter, name=name, from_s=statement["time_s"])
        meter.contract, meter.unit, meter.told_s = name, statement["unit"], statement["time_s"]
        meter.alarms, meter.balance = ", ".join(statement["alarms"]), statement["balance"]
        meter.days_left = usefulness.days_left(statement)
        meter.tenant = self._tenant_in(statement, meter.tenant)
        meter.newest = None
        meter.save(update_fields=["contract", "unit", "told_s", "alarms", "balance", "days_left", "tenant", "newest"])

    def _tenant_in(self, statement: dict, known: int) -> int:
        """Return the tenant: as the statement tells it, or by the newest redeemed token if it had no room for it."""
        standing = statement.get("standing", {})
        if "tenant" in standing:
            return standing["tenant"]
        by_token = _NEWEST_TENANT.rows(statement["meter_number"])
        return by_token[0][0] if by_token else known

    def _stop_if_wrong(self, meter: Meter, statement: dict) -> None:
        """Stop sales to a meter whose statement disagrees with this record."""
        reasons = self.statements.disagreements(statement, meter.excused)
        unknown = self.redeemed_elsewhere(statement)
        if unknown:
            numbers = ", ".join(number_text(number) for number in unknown[-4:])
            reasons.insert(0, f"token {numbers} was redeemed and is not in this record, which may be an older copy")
        if reasons:
            meter.is_stopped = True
            meter.stop_reason = "; ".join(reasons)[:_REASON_LIMIT]
            meter.save(update_fields=["is_stopped", "stop_reason"])

    def resume(self, meter_number: int) -> str:
        """Sell to a meter again, after somebody has looked into the disagreement. Return its reason.

        Tokens that are not in this record are added to it without their content, which nobody knows.
        """
        self.require("manage")
        with transaction.atomic():
            meter = locked_row(meter_number)
            if meter is None or not meter.is_stopped:
                self.known_meter(meter_number)
                raise ValueError(f"sales to meter {meter_number} are not stopped")
            reason = meter.stop_reason
            statement = self._newest_statement(meter_number)
            for sequence in self.redeemed_elsewhere(statement):
                Token.objects.create(
                    meter=meter,
                    sequence=sequence,
                    kind=0,
                    words=_NOT_IN_RECORD,
                    issued_s=statement["time_s"],
                    sealed=b"",
                    state=REDEEMED,
                    redeemed_s=statement["time_s"],
                )
            meter.excused = {SINCE: statement["time_s"]} | {
                unit: max(0, bought - self.statements.made(meter_number, unit))
                for unit, bought in bought_in(statement).items()
            }
            meter.is_stopped, meter.stop_reason = False, ""
            meter.save(update_fields=["excused", "is_stopped", "stop_reason"])
        return reason

    def _newest_statement(self, meter_number: int) -> dict:
        """Return the newest statement of a meter that has one, with its windows by number."""
        content = dict(self.statements.newest(meter_number) or {"time_s": 0, "windows": {}})
        content["windows"] = {int(issuer): tuple(window) for issuer, window in content["windows"].items()}
        return {"meter_number": meter_number, **content}

    def redeemed_elsewhere(self, statement: dict) -> list[int]:
        """Return the redeemed numbers of this issuer in a statement that the record does not have, lowest first."""
        issuer = self.keys.issuer
        top = statement["windows"].get(issuer, (0, 0))[0]
        numbers = [number_of(issuer, count) for count in range(max(1, top - WINDOW + 1), top + 1)]
        redeemed = [number for number in numbers if is_redeemed(statement, number)]
        if not redeemed:
            return []
        known = _SEQUENCES.rows(statement["meter_number"], redeemed[0], redeemed[-1])
        return sorted(set(redeemed) - {sequence for (sequence,) in known})

    def _refuse_order(self, now: MeterNow, order: Order) -> None:
        """Refuse orders that the person has no right to, that help nobody, or after which money would be lost.

        Refuse orders of the office at a vending point, too.
        """
        self.require(*rights_of(order))
        if token.is_for_office(order.kind) and self.keys.issuer != OFFICE:
            raise ValueError(f"a {token.name(order.kind)} token is made by the office alone, not by a vending point")
        meter_number = now.number
        self._refuse_stopped(now.meter, order)
        usefulness.refuse(now.meter, order, now.contracts_to_come, self.statements)
        if order.kind in TAKING:
            self._refuse_to_overwrite_receipt(meter_number)
        if order.kind in (token.CLEAR, token.TENANT):
            self._refuse_open_orders(meter_number)
        self.key_history.refuse(meter_number, order)

    def _refuse_stopped(self, meter: Row, order: Order) -> None:
        number = meter["number"]
        if meter["is_retired"]:
            raise ValueError(f"meter {number} is retired")
        if meter["is_stopped"] and order.kind in (*BENEFIT_KINDS, *TAKING):
            raise ValueError(
                f"sales to meter {number} are stopped: {meter['stop_reason']}; look into it, and then a manager"
                f" continues with: wattpurse meter resume {number}"
            )

    def _refuse_to_overwrite_receipt(self, meter_number: int) -> None:
        for row in self.receipts.awaited(meter_number):
            number = number_text(row["sequence"])
            raise ValueError(
                f"token {number} of meter {meter_number} ({row['words']}) has no receipt yet, and the next receipt"
                " would overwrite it; read a card that has been at the meter since, or forfeit it with:"
                f" wattpurse meter forfeit {meter_number} {number}"
            )

    def _refuse_open_orders(self, meter_number: int) -> None:
        """Raise ValueError if the present tenant has an open order. No order passes to the next tenant."""
        for row in self.outstanding_of_meter(meter_number):
            if not token.is_personal(row["kind"]) or row["kind"] in TAKING:
                continue
            number = number_text(row["sequence"])
            what = "credit token" if row["kind"] in CREDIT_KINDS else f"token ({row['words']})"
            raise ValueError(
                f"{what} {number} of meter {meter_number} is not known to be redeemed, and the next"
                " tenant could not use it; tap its card at the meter first, and read it with: wattpurse card read"
                f" NAME, or forfeit it with: wattpurse meter forfeit {meter_number} {number}"
            )


def rights_of(order: Order) -> tuple[str, ...]:
    """Return the rights of which a person needs one to make a token.

    The vault lets a person who sells make the token of a tariff that was permitted, and of no other one.
    """
    if order.kind in BENEFIT_KINDS:
        return ("sell",)
    if order.kind in KEY_KINDS or order.kind == token.REVOKE:
        return ("keys",)
    return ("sell", "order") if order.kind in (token.DEBT, token.PERMIT, token.TARIFF) else ("order",)


def _is_order_of_tenant(kind: int) -> bool:
    """Return True for a token that the meter voids if another tenant is in."""
    return token.is_personal(kind) and kind not in BENEFIT_KINDS


def _purpose(orders: Sequence[Order]) -> str:
    """Return the purpose of the tokens for the vault."""
    kinds = {order.kind for order in orders}
    if kinds & set(TAKING):
        return REFUND
    if kinds == {token.DEBT}:
        return DEBT
    return SALE if kinds & set(BENEFIT_KINDS) else ORDERED


def check_meter_number(number: int) -> None:
    """Raise ValueError if `number` is out of range."""
    if not 1 <= number <= METER_LIMIT:
        raise ValueError(f"a meter number is from 1 to {METER_LIMIT}")


def _not_known(number: int) -> ValueError:
    """Return the error of a meter that is not in the record."""
    return ValueError(f"meter {number} is not known; add it with: wattpurse meter add {number}")


def is_redeemed(statement: dict, sequence: int) -> bool:
    """Return True if a statement proves that the meter has redeemed a token: by its bit, not by age alone."""
    top, window = statement["windows"].get(issuer_of(sequence), (0, 0))
    behind = top - count_of(sequence)
    return behind >= 0 and bool(window >> behind & 1)


def is_too_old(statement: dict, sequence: int) -> bool:
    """Return True if a statement proves that a token is behind the meter's window, so that the meter refuses it."""
    top, _ = statement["windows"].get(issuer_of(sequence), (0, 0))
    return top - count_of(sequence) >= WINDOW
