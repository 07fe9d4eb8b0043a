"""The calls about dispensing units: the key of a unit, the record of its system card, and its sales.

A system card has keys and credit, so two persons make each one. The vault keeps the issue and the credit of the newest
record of each unit: neither goes back. The credit that a record adds counts to the operator's limits.
"""

from collections.abc import Sequence

from boards.host.chips.aes import aes
from wattpurse.core.currency import MICROUNIT_DIGITS
from wattpurse.core.money.token_windows import ISSUERS, OFFICE
from wattpurse.core.seals import dispenser_keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.dispenser import system_card
from wattpurse.dispenser.card_sale import micro_units
from wattpurse_tools.vault import actions, rules
from wattpurse_tools.vault.base import VaultBase
from wattpurse_tools.vault.checks import approval_of, meter_of, uid_of
from wattpurse_tools.vault.interface import KEYS, DispenserRecord, Refused
from wattpurse_tools.vault.log_facts import amounts_document
from wattpurse_tools.vault.rules import Amounts

BLOCKS_LIMIT = 16

_U32 = (1 << 32) - 1
_U48 = (1 << 48) - 1


class DispenserCalls(VaultBase):
    """Keys, records and sales of dispensing units."""

    def dispenser_key(self, ticket: str, issuer: int, key_version: int, approval: str | None = None) -> bytes:
        """Return the key of a unit, to set it up."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            key = self._unit_key(issuer, key_version)
            document = {"issuer": issuer, "key_version": key_version}
            used = self._second_person(acting, actions.DISPENSER_KEY, document, approval, "a key leaves the vault")
            self._use_up(used)
            self._note(acting.number, actions.DISPENSER_KEY, document | approval_of(used))
            return key

    def seal_system_card(self, ticket: str, uid: bytes, record: DispenserRecord, approval: str | None = None) -> bytes:
        """Return the sealed record of a system card."""
        with self._work:
            acting = self._acting(ticket, KEYS)
            _refuse_record(record)
            key = self._unit_key(record.issuer, record.unit_version)
            issue, allowed = self._known(record.issuer)
            if record.issue <= issue or record.credit.allowed < allowed:
                raise Refused(
                    f"the vault has made issue {issue} of this unit's card with a credit of {allowed}: a later issue"
                    " has a higher number and no lower credit"
                )
            added = Amounts(microunits=micro_units(record.credit.allowed - allowed, record.offer.decimals))
            today = self._now_s() // rules.DAY_S
            day = rules.refuse_amounts(acting.limits, [added], self._counters.amounts(acting.number, today))
            document = _document(uid_of(uid), record, record.credit.allowed - allowed)
            why = "keys and credit leave the vault"
            used = self._second_person(acting, actions.SYSTEM_CARD, document, approval, why)
            pair = dispenser_keys.system_card_keys(aes, key, uid)
            sealed = system_card.seal_record(aes, pair, self._content(record))
            with self._counters.transaction():
                self._counters.note(_fact(record.issuer), f"{record.issue} {record.credit.allowed}")
                self._counters.note_amounts(acting.number, today, day)
                if used is not None:
                    self._approvals.use(used)
                self._anchor()
            details = document | amounts_document(today, added) | approval_of(used)
            self._note(acting.number, actions.SYSTEM_CARD, details)
            return sealed

    def dispenser_known(self, issuer: int) -> tuple[int, int]:
        """Return issue and credit of the newest record of a unit, or zeros."""
        with self._work:
            return self._known(issuer)

    def open_system_sales(
        self, uid: bytes, issuer: int, key_version: int, blocks: Sequence[bytes]
    ) -> list[list[tuple[int, int, int, int, int, int]] | None]:
        """Return the sales of each block: number, meter, count, paid, time code, issue. None: it is not authentic."""
        if len(blocks) > BLOCKS_LIMIT:
            raise Refused(f"a system card has at most {BLOCKS_LIMIT} blocks of sales")
        with self._work:
            pair = dispenser_keys.system_sales_keys(aes, self._unit_key(issuer, key_version), uid_of(uid))
            found: list[list[tuple[int, int, int, int, int, int]] | None] = []
            for block in blocks:
                try:
                    sales = system_card.open_sales(aes, pair, block)
                    found.append([one.facts() for one in sales])
                except SealBroken:
                    found.append(None)
            return found

    def _unit_key(self, issuer: int, key_version: int) -> bytes:
        if not OFFICE < issuer < ISSUERS:
            raise Refused(f"a dispensing unit is an issuer from 1 to {ISSUERS - 1}")
        self._ring.of_office()
        root = self._ring.of(key_version).operator_key
        return dispenser_keys.dispenser_key(root.aes, root.handle, issuer)

    def _known(self, issuer: int) -> tuple[int, int]:
        """Return issue and credit of the newest record of a unit."""
        known = self._counters.fact(_fact(issuer))
        if known is None:
            return 0, 0
        issue, _, allowed = known.partition(" ")
        return int(issue), int(allowed)

    def _content(self, record: DispenserRecord) -> system_card.SystemRecord:
        """Return the record with its keys."""
        meters = []
        for one in record.offer.meters:
            keys_of_version = self._ring.of(one.key_version)
            meters.append(
                system_card.SoldMeter(
                    meter_of(one.number),
                    one.tenant,
                    one.key_version,
                    one.count,
                    one.product,
                    keys_of_version.issuer_key(one.number, record.issuer),
                    keys_of_version.statement_key(one.number),
                )
            )
        made = system_card.SystemRecord(
            record.issuer,
            record.issue,
            (record.term.made_s, record.term.expires_s),
            (record.credit.allowed, record.credit.settled_sum, record.credit.settled_sale, record.credit.most),
            (record.offer.currency, record.offer.decimals, record.offer.prices),
            self._ring.of(record.offer.site_version).site_key,
            meters,
        )
        made.riding = record.riding
        return made


def _fact(issuer: int) -> str:
    return f"dispenser {issuer}"


def _document(uid: bytes, record: DispenserRecord, added: int) -> dict:
    """Return the document of a record for a second person: the persons approve an issue, its meters and its credit."""
    return {
        "issuer": record.issuer,
        "issue": record.issue,
        "card": uid.hex(),
        "meters": [one.number for one in record.offer.meters],
        "allowed": record.credit.allowed,
        "added": added,
        "currency": record.offer.currency,
        "decimals": record.offer.decimals,
        "expires_s": record.term.expires_s,
    }


def _refuse_record(record: DispenserRecord) -> None:
    term, credit, offer = record.term, record.credit, record.offer
    sums = (credit.allowed, credit.settled_sum)
    words = (
        term.made_s,
        term.expires_s,
        credit.settled_sale,
        credit.most,
        *offer.prices,
    )
    if not all(0 <= one <= _U48 for one in sums) or not all(0 <= one <= _U32 for one in words):
        raise Refused("a number of the system card is out of range")
    if credit.settled_sum > credit.allowed or not 0 < record.issue <= system_card.ISSUE_LIMIT:
        raise Refused("the sums or the issue of the system card cannot be")
    if len(offer.prices) != system_card.PRICES or not 0 <= offer.decimals <= MICROUNIT_DIGITS:
        raise Refused(f"a system card has {system_card.PRICES} prices, and a currency has 0 to 6 decimals")
    if not (offer.currency.isascii() and len(offer.currency) == 3):
        raise Refused("a currency has three letters")
    numbers = [one.number for one in offer.meters]
    if not 1 <= len(numbers) <= system_card.METERS_LIMIT or len(set(numbers)) != len(numbers):
        raise Refused(f"a system card has 1 to {system_card.METERS_LIMIT} meters, each named once")
    for one in offer.meters:
        if not (0 <= one.tenant < 1 << 24 and 0 <= one.count < 1 << 24 and 0 <= one.product <= system_card.PRICES):
            raise Refused(f"the tenant, the count or the product of meter {one.number} is out of range")
