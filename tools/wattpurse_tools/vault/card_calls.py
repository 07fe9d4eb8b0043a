"""The calls about cards: their access keys, key cards, and the passes of technicians and operators."""

from collections.abc import Sequence

from boards.host.chips.aes import aes
from wattpurse.core.messages import service_pass
from wattpurse.core.money import key_card
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.vault import actions, key_cards, rules
from wattpurse_tools.vault.base import VaultBase
from wattpurse_tools.vault.checks import NUMBER_LIMIT, approval_of, meter_of, need, uid_of
from wattpurse_tools.vault.interface import CARDS, ORDER, SELL, Refused
from wattpurse_tools.vault.log_facts import amounts_document
from wattpurse_tools.vault.rules import Amounts

PASS_METERS = 1_000

_TIME_LIMIT = (1 << 32) - 1


class CardCalls(VaultBase):
    """Access keys, key cards and passes."""

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        key_a, key_b = keys.classic_keys(aes, self._ring.of(key_version).site_key, uid_of(uid))
        return key_a, key_b

    def seal_key_card(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> bytes:
        """Return the sealed record of a key card."""
        with self._work:
            acting = self._acting(ticket, SELL)
            key_cards.refuse_content(content)
            pair = keys.key_card_keys(aes, self._ring.of(key_version).site_key, uid_of(uid))
            known = self._counters.key_card(uid)
            if key_cards.changes_terms(known, content):
                need(acting, ORDER)
            added = Amounts(microunits=key_cards.added(known, content))
            key_cards.refuse_memory_card(self._policy.memory_card_microunits, known, content)
            today = self._now_s() // rules.DAY_S
            day = rules.refuse_amounts(acting.limits, [added], self._counters.amounts(acting.number, today))
            with self._counters.transaction():
                self._counters.note_key_card(uid, key_cards.known_of(content))
                self._counters.note_amounts(acting.number, today, day)
                self._anchor()
            details = {"card": uid.hex(), "version": content.version, "loaded": content.loaded, "spent": content.spent}
            self._note(acting.number, actions.KEY_CARD, details | amounts_document(today, added))
            return key_card.seal_content(aes, pair, content)

    def open_key_card(self, uid: bytes, sealed: bytes) -> CardContent | None:
        """Return the content of an authentic record, or None."""
        if len(sealed) != key_card.SIZE or key_card.read_version(sealed) is None:
            return None
        with self._work:
            for one in self._ring.newest_first:
                try:
                    content = key_card.open_content(aes, keys.key_card_keys(aes, one.site_key, uid_of(uid)), sealed)
                except SealBroken:
                    continue
                known = self._counters.key_card(uid)
                risen = key_cards.risen(known, content)
                if risen != known:
                    with self._counters.transaction():
                        self._counters.note_key_card(uid, risen)
                return content
        return None

    def seal_service_pass(
        self, ticket: str, uid: bytes, technician: int, expires_s: int, meters: Sequence[tuple[int, int]]
    ) -> bytes:
        """Return the pass of a technician for `meters` of (number, key version)."""
        with self._work:
            acting = self._acting(ticket, CARDS)
            _refuse_pass(technician, expires_s)
            if len(meters) > PASS_METERS:
                raise Refused(f"a pass names at most {PASS_METERS} meters")
            entries = [(number, self._ring.of(version).meter_key(meter_of(number))) for number, version in meters]
            named = [number for number, _ in meters]
            details = {"card": uid_of(uid).hex(), "technician": technician, "expires_s": expires_s, "meters": named}
            self._note(acting.number, "service pass", details)
            return service_pass.make_service_pass(aes, uid, technician, expires_s, entries)

    def open_service_pass(self, uid: bytes, data: bytes, meter_number: int) -> tuple[int, int] | None:
        """Return `(technician, expires_s)` of a pass that is authentic for this meter, or None."""
        with self._work:
            accepted = tuple(one.meter_key(meter_of(meter_number)) for one in self._ring.newest_first)
            try:
                technician, expires_s = service_pass.open_service_pass(aes, uid_of(uid), meter_number, accepted, data)
            except (SealBroken, service_pass.MeterNotNamed):
                return None
            return technician, expires_s

    def seal_operator_pass(
        self, ticket: str, uid: bytes, operator: int, expires_s: int, approval: str | None = None
    ) -> bytes:
        """Return the pass of an operator for a card."""
        with self._work:
            acting = self._acting(ticket, CARDS)
            _refuse_pass(operator, expires_s)
            if self._policy.operator(operator).uid != uid_of(uid):
                raise Refused(
                    f"the vault knows another card, or none, for operator {operator}; name this one first with:"
                    " wattpurse vault operator set --card"
                )
            document = {"operator": operator, "card": uid.hex(), "expires_s": expires_s}
            why = "" if operator == acting.number else "whoever has the card signs on as another operator"
            used = self._second_person(acting, actions.OPERATOR_PASS, document, approval, why)
            self._use_up(used)
            self._note(acting.number, actions.OPERATOR_PASS, document | approval_of(used))
            root = self._ring.newest.operator_key
            return service_pass.make_operator_pass(root.aes, root.handle, uid, operator, expires_s)


def _refuse_pass(person: int, expires_s: int) -> None:
    if not 0 <= person <= NUMBER_LIMIT or not 0 <= expires_s <= _TIME_LIMIT:
        raise Refused("the number of a person or the expiry of a pass is out of range")
