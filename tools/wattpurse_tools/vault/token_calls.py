"""The calls about tokens: they are sealed, counted, and shown as digits; statements are opened and receipts settled."""

import hashlib
from collections.abc import Sequence

from boards.host.chips.aes import aes
from wattpurse.core.messages import short_token, statement, token
from wattpurse.core.money.token_windows import COUNT_LIMIT, OFFICE, WINDOW, count_of, issuer_of, number_of
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import KeyPair, SealBroken
from wattpurse_tools.vault import actions, rules
from wattpurse_tools.vault.base import VaultBase
from wattpurse_tools.vault.checks import NUMBER_LIMIT, approval_of, meter_of, need
from wattpurse_tools.vault.interface import (
    MANAGE,
    ORDER,
    ORDERED,
    SELL,
    STATEMENTS_AT_ONCE,
    Refused,
    SealedToken,
    TokenOrder,
    UnsealedStatement,
    content_of,
)
from wattpurse_tools.vault.key_sets import AnyKeys
from wattpurse_tools.vault.log_facts import amounts_document
from wattpurse_tools.vault.packed_statements import pack_unsealed, unpack_sealed
from wattpurse_tools.vault.requested import issue_document
from wattpurse_tools.vault.rules import sum_of
from wattpurse_tools.vault.unsealing import unseal

MARGIN = 1_000_000
WORDS_SIZE = 400
STATEMENT_SIZE = 8192
PAIRS_REMEMBERED = 100_000  # about 30 MB

_IDENTITY_SIZE = 11  # a derivation takes 31 bytes, and the words of the statement keys have 20


class TokenCalls(VaultBase):
    """Tokens, statements and receipts."""

    def issue(
        self,
        ticket: str,
        meter_number: int,
        key_version: int,
        orders: Sequence[TokenOrder],
        after: int,
        purpose: str,
        approval: str | None = None,
    ) -> list[SealedToken]:
        """Seal a token of each order, all or none."""
        with self._work:
            acting = self._acting(ticket)
            rules.refuse_orders(orders, self.issuer, purpose)
            for order in orders:
                is_permitted = order.kind == token.TARIFF and self._is_permitted(order.body)
                need(acting, *((SELL, ORDER) if is_permitted else rules.rights_of(order)))
            last = self._next_after(meter_number, after, len(orders))
            pair = self._ring.token_keys(meter_number, key_version)
            bodies = [self._body(meter_number, order) for order in orders]
            today = self._now_s() // rules.DAY_S
            amounts = [rules.amounts_of(order) for order in orders]
            day = rules.refuse_amounts(acting.limits, amounts, self._counters.amounts(acting.number, today))
            document = issue_document(meter_number, orders, purpose)
            used = self._second_person(acting, actions.ISSUE, document, approval, rules.reason_for_two(orders, purpose))
            numbers = [number_of(self.issuer, last + place) for place in range(1, len(orders) + 1)]
            with self._counters.transaction():
                self._counters.raise_count(meter_number, last + len(orders))
                self._counters.note_amounts(acting.number, today, day)
                if used is not None:
                    self._approvals.use(used)
                    for number, order in zip(numbers, orders, strict=True):
                        if order.kind in rules.RECEIPT_KINDS:
                            self._counters.approve_receipt(meter_number, number)
                self._anchor()
            told = [
                {"sequence": number, "words": rules.words_of(one)} for number, one in zip(numbers, orders, strict=True)
            ]
            details = {"meter": meter_number, "key_version": key_version, "purpose": purpose, "tokens": told}
            details |= amounts_document(today, sum_of(amounts))
            self._note(acting.number, actions.ISSUE, details | approval_of(used))
            made = []
            for number, order, body in zip(numbers, orders, bodies, strict=True):
                tenant = order.tenant if token.is_personal(order.kind) else 0
                sealed = token.seal_token(aes, pair, key_version, meter_number, number, order.kind, body, tenant, after)
                made.append(SealedToken(number, sealed, after))
                after = after if order.kind in rules.CREDIT_KINDS else number
            return made

    def permit_tariff(self, ticket: str, table: bytes) -> None:
        """Let operators with the right SELL seal this table in a token."""
        with self._work:
            acting = self._acting(ticket, ORDER)
            rules.refuse_orders([TokenOrder(token.TARIFF, table)], self.issuer, ORDERED)
            if self._is_permitted(table):
                return
            with self._counters.transaction():
                self._counters.note(_permit_of(table), 1)
                self._anchor()
            self._note(acting.number, "tariff permitted", {"sha256": hashlib.sha256(table).hexdigest()})

    def permits_tariff(self, table: bytes) -> bool:
        """Return True if operators with the right SELL may seal this table."""
        with self._work:
            return self._is_permitted(table)

    def _is_permitted(self, table: bytes) -> bool:
        return self._counters.fact(_permit_of(table)) is not None

    def last_count(self, meter_number: int) -> int:
        """Return the highest count that was used for a meter or seen in a statement, or 0."""
        with self._work:
            return self._counters.count(meter_of(meter_number))

    def raise_count(self, ticket: str, meter_number: int, count: int, approval: str | None = None) -> None:
        """Continue after `count`, which another record knows."""
        with self._work:
            acting = self._acting(ticket, MANAGE)
            last = self._counters.count(meter_of(meter_number))
            if not 0 <= count <= min(COUNT_LIMIT, last + MARGIN):
                raise Refused(f"the count of meter {meter_number} is {last} and is raised by at most {MARGIN}")
            document = {"meter": meter_number, "count": count}
            used = self._second_person(acting, actions.COUNT, document, approval, "token numbers are left out")
            with self._counters.transaction():
                self._counters.raise_count(meter_number, count)
                self._counters.note_told(meter_number)
                if used is not None:
                    self._approvals.use(used)
                self._anchor()
            self._note(acting.number, actions.COUNT, document | {"before": last} | approval_of(used))

    def digits(self, ticket: str, meter_number: int, sealed: bytes) -> str:
        """Return the twenty digits of a token of this issuer."""
        with self._work:
            self._acting(ticket, SELL)
            try:
                key_version = token.key_version(sealed)
                pair = self._ring.token_keys(meter_of(meter_number), key_version)
                opened = token.open_token(aes, pair, sealed)
            except (SealBroken, IndexError):
                raise Refused(f"this is no token of this vault for meter {meter_number}") from None
            try:
                short_token.limit_of(opened.kind)
                digit_keys = self._ring.short_token_keys(meter_number, key_version)
                amount = opened.fields()[0]
                return short_token.seal_digits(
                    aes, digit_keys, meter_number, opened.sequence, opened.kind, amount, opened.tenant
                )
            except Refused:
                raise
            except ValueError as error:
                raise Refused(str(error)) from None

    def open_statement(self, meter_number: int, identity: bytes, sealed: bytes) -> tuple[int, dict] | None:
        """Return `(key version, content)` of an authentic statement, or None."""
        with self._work:
            unsealed = self._unsealed(meter_number, identity, sealed)
            if unsealed is None:
                return None
            try:
                content = content_of(meter_number, unsealed)
            except SealBroken:
                return None
            self._learn_all([(meter_number, content)])
            return unsealed[0], content

    def unseal_statements(self, sealed: bytes) -> bytes:
        """Open statements as `open_statement` does, with one change of the counters for all of them."""
        statements = unpack_sealed(sealed)
        if len(statements) > STATEMENTS_AT_ONCE:
            raise Refused(f"at most {STATEMENTS_AT_ONCE} statements are unsealed in one call")
        with self._work:
            found: list[UnsealedStatement | None] = []
            told = []
            for meter_number, identity, one in statements:
                try:
                    unsealed = self._unsealed(meter_number, identity, one)
                    if unsealed is not None:
                        told.append((meter_number, self._counts_in(unsealed[2])))
                except (SealBroken, ValueError):  # a meter that is not served, or a contract that is not known
                    unsealed = None
                found.append(unsealed)
            self._learn_all(told)
            return pack_unsealed(found)

    def _counts_in(self, payload: bytes) -> dict:
        """Return the time of a payload and its windows: those of the office are in the head alone."""
        return statement.parse_head(payload) if self.issuer == OFFICE else statement.parse(payload)

    def _unsealed(self, meter_number: int, identity: bytes, sealed: bytes) -> UnsealedStatement | None:
        """Return an authentic statement of the meter, or None."""
        header = statement.read_header(sealed)
        if header is None or not 1 <= len(identity) <= _IDENTITY_SIZE or len(sealed) > STATEMENT_SIZE:
            return None
        number, told_number, size = header
        for one in self._ring.newest_first:
            pair = self._statement_keys(one, meter_of(meter_number), identity)
            try:
                payload = unseal(pair, statement.HEADER_SIZE, sealed[:size])
            except SealBroken:
                continue
            return (one.key_version, number, payload) if told_number == meter_number else None
        return None

    def _statement_keys(self, one: AnyKeys, meter_number: int, identity: bytes) -> KeyPair:
        """Return the keys of the statements of a meter. Those of the last meters are kept: to derive them is slow."""
        place = (one.key_version, meter_number, identity)
        pair = self._pairs.get(place)
        if pair is None:
            pair = keys.statement_keys(aes, one.statement_key(meter_number), identity)
            if len(self._pairs) >= PAIRS_REMEMBERED:
                del self._pairs[next(iter(self._pairs))]
            self._pairs[place] = pair
        return pair

    def settle(
        self,
        ticket: str,
        meter_number: int,
        sequence: int,
        words: str,
        approval: str | None = None,
        doubt: str = "",
    ) -> bool:
        """Mark a receipt as settled. Return False if it was settled before."""
        with self._work:
            acting = self._acting(ticket, SELL)
            if not 0 < sequence <= NUMBER_LIMIT or not 1 <= len(words) <= WORDS_SIZE:
                raise Refused(f"a receipt has a token number, and is settled in 1 to {WORDS_SIZE} letters")
            if self._counters.is_settled(meter_of(meter_number), sequence):
                return False
            document = {"meter": meter_number, "sequence": sequence, "words": words}
            why = "the token of this receipt was not approved by two persons in this vault"
            if self._counters.is_receipt_approved(meter_number, sequence):
                why = ""
            if doubt:
                document, why = document | {"doubt": doubt}, f"the receipt is in doubt: {doubt}"
            used = self._second_person(acting, actions.SETTLE, document, approval, why)
            with self._counters.transaction():
                self._counters.settle(meter_number, sequence, words)
                if used is not None:
                    self._approvals.use(used)
                self._anchor()
            self._note(acting.number, actions.SETTLE, document | approval_of(used))
            return True

    def settled(self, meter_number: int) -> dict[int, str]:
        """Return the settled receipts of a meter."""
        with self._work:
            return self._counters.settled(meter_of(meter_number))

    def _next_after(self, meter_number: int, after: int, amount: int) -> int:
        """Return the last count of a meter. Raise Refused if no further tokens may be made after it."""
        last = self._counters.count(meter_of(meter_number))
        if self._lost_s() is not None and not self._counters.has_told(meter_number):
            raise Refused(
                f"the counters of this vault were lost, and meter {meter_number} has not told its numbers since: read a"
                f" card that has been at the meter since, or name the highest count ever used with: wattpurse vault"
                f" count {meter_number} COUNT"
            )
        if not 0 <= after <= NUMBER_LIMIT:
            raise Refused("the token number of the order before is out of range")
        if after and issuer_of(after) == self.issuer and count_of(after) > last:
            raise Refused(
                f"the record names token {count_of(after)} of meter {meter_number}, and the vault's counters end at"
                f" {last}: they are an older copy; name the highest count ever used with: wattpurse vault count"
                f" {meter_number} COUNT"
            )
        if last + amount > COUNT_LIMIT:
            raise Refused(f"meter {meter_number} has used all its token numbers; give it another number")
        return last

    def _body(self, meter_number: int, order: TokenOrder) -> bytes:
        """Return the body of an order, with the key that it names."""
        if order.kind not in rules.KEY_KINDS or order.version is None:
            return order.body
        keys_of_version = self._ring.of(order.version)
        is_meter_key = order.kind == token.METER_KEY
        key = keys_of_version.meter_key(meter_number) if is_meter_key else keys_of_version.site_key
        return token.make(order.kind, order.version, key)[1]

    def _learn_all(self, told: Sequence[tuple[int, dict]]) -> None:
        """Raise the counts to those of authentic statements. After a loss, leave room for tokens on their way."""
        lost_s = self._lost_s()
        known = self._counters.counts_of({meter_number for meter_number, _ in told})
        raised: dict[int, int] = {}
        telling: dict[int, int] = {}
        for meter_number, content in told:
            top = content["windows"].get(self.issuer, (0, 0))[0]
            waits = lost_s is not None and meter_number not in telling and not self._counters.has_told(meter_number)
            if waits and lost_s is not None and content["time_s"] > lost_s:
                top = telling[meter_number] = min(COUNT_LIMIT, top + WINDOW)
            if top > max(known.get(meter_number, 0), raised.get(meter_number, 0)):
                raised[meter_number] = top
        if not raised and not telling:
            return
        with self._counters.transaction():
            for meter_number, top in raised.items():
                self._counters.raise_count(meter_number, top)
            for meter_number in telling:
                self._counters.note_told(meter_number)
            self._anchor()
        self._log.append_all(
            [
                (self._now_s(), None, "counters", {"meter": meter_number, "count": top})
                for meter_number, top in telling.items()
            ]
        )


def _permit_of(table: bytes) -> str:
    return f"tariff {hashlib.sha256(table).hexdigest()}"
