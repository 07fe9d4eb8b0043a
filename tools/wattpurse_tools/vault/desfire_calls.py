"""The calls about key cards on DESFire: the vault talks to the card itself, through whoever has it.

The credit key of a card is derived from the vending key, which no meter has. The vault counts the credit before it
makes the first cryptogram, as it does for `seal_key_card`, so a dialog that is broken off has counted too much at most
until the next one finishes it. A card is made without money.
"""

import os
from collections.abc import Sequence

from boards.host.chips.aes import aes
from wattpurse.cards.desfire import Desfire
from wattpurse.cards.desfire_ev2 import DesfireEv2
from wattpurse.cards.desfire_identity import uid_with
from wattpurse.core.money.key_card import AMOUNT_LIMIT, CardContent
from wattpurse.core.money.token_windows import OFFICE
from wattpurse.core.seals import desfire_keys
from wattpurse_tools.vault import actions, desfire_cards, key_cards, rules
from wattpurse_tools.vault.base import VaultBase
from wattpurse_tools.vault.checks import need, uid_of
from wattpurse_tools.vault.desfire_cards import CardKeys
from wattpurse_tools.vault.dialogs import Dialogs, Relay
from wattpurse_tools.vault.interface import CARDS, ORDER, SELL, VOID_MARK_SIZE, Refused
from wattpurse_tools.vault.key_cards import KnownCard
from wattpurse_tools.vault.log_facts import amounts_document
from wattpurse_tools.vault.rules import Amounts

_UID_SIZE = 7


class DesfireCalls(VaultBase):
    """Dialogs with DESFire key cards."""

    def identify_desfire(self) -> tuple[str, bytes]:
        """Begin to ask a card with a random UID for the real one. The result is the UID."""
        with self._work:
            self._refuse_point()
            keys = [desfire_keys.identify_key(aes, one.site_key) for one in self._ring.newest_first]
            return self._card_dialogs().begin(lambda card: uid_with(card, keys))

    def read_desfire(self, uid: bytes) -> tuple[str, bytes]:
        """Begin to read a card. The result is its content, or None."""
        with self._work:
            found = self._card_keys(uid)
            return self._card_dialogs().begin(lambda card: desfire_cards.read_card(card, found))

    def make_desfire(self, ticket: str, uid: bytes, key_version: int, content: CardContent) -> tuple[str, bytes]:
        """Begin to make a card without money. The result is its content."""
        with self._work:
            acting = self._acting(ticket, CARDS)
            key_cards.refuse_content(content)
            known = self._counters.key_card(uid_of(uid))
            if key_cards.changes_terms(known, content):
                need(acting, ORDER)
            if content.loaded != content.spent:
                raise Refused("a card is made without money; load it after that")
            if content.loaded < known.loaded:
                raise Refused("the vault knows a later state of this card")
            is_new = known.is_new and content.version <= 1
            own = self._keys_of_version(uid, key_version)
            with self._counters.transaction():
                self._counters.note_key_card(uid, key_cards.known_of(content))
                self._anchor()
            self._note(acting.number, actions.DESFIRE_CARD, {"card": uid.hex(), "version": content.version})
            return self._card_dialogs().begin(lambda card: desfire_cards.make_card(card, own, content, is_new))

    def load_desfire(self, ticket: str, uid: bytes, content: CardContent) -> tuple[str, bytes]:
        """Begin to load a card up to `content.loaded`, and to change its terms. The result is its content."""
        with self._work:
            acting = self._acting(ticket, SELL)
            key_cards.refuse_content(content)
            known = self._counters.key_card(uid_of(uid))
            if known.is_new:
                raise Refused("the vault has not made this card")
            if key_cards.changes_terms(known, content):
                need(acting, ORDER)
            if content.loaded < known.loaded:
                raise Refused("the vault has loaded more on this card already")
            found = self._card_keys(uid)
            added = Amounts(microunits=content.loaded - known.loaded)
            today = self._now_s() // rules.DAY_S
            day = rules.refuse_amounts(acting.limits, [added], self._counters.amounts(acting.number, today))
            after = KnownCard(content.loaded, known.spent, key_cards.known_of(content).terms, is_new=False)
            with self._counters.transaction():
                self._counters.note_key_card(uid, after)
                self._counters.note_amounts(acting.number, today, day)
                self._anchor()
            details = {"card": uid.hex(), "loaded": content.loaded}
            self._note(acting.number, actions.DESFIRE_LOAD, details | amounts_document(today, added))
            return self._card_dialogs().begin(lambda card: desfire_cards.write_card(card, found, content))

    def erase_desfire(self, ticket: str, uid: bytes) -> tuple[str, bytes]:
        """Begin to take all money off a card. The result is its content before, or None."""
        with self._work:
            acting = self._acting(ticket, SELL)
            found = self._card_keys(uid)
            self._note(acting.number, actions.DESFIRE_ERASE, {"card": uid.hex()})
            return self._card_dialogs().begin(lambda card: desfire_cards.erase_card(card, found))

    def void_desfire(self, ticket: str, uid: bytes, mark: bytes, amount: int, is_first: bool) -> tuple[str, bytes]:
        """Begin to take the amount of a sale off a card, once for each mark. The result is its content."""
        with self._work:
            acting = self._acting(ticket, SELL)
            if len(mark) != VOID_MARK_SIZE or not any(mark) or not 0 < amount <= AMOUNT_LIMIT:
                raise Refused("a mark or an amount on the key card is out of range")
            found = self._card_keys(uid)
            self._note(acting.number, actions.DESFIRE_VOID, {"card": uid.hex(), "amount": amount, "mark": mark.hex()})
            return self._card_dialogs().begin(lambda card: desfire_cards.take_back(card, found, mark, amount, is_first))

    def rekey_desfire(self, ticket: str, uid: bytes, key_version: int) -> tuple[str, bytes]:
        """Begin to change the keys of a card to those of a version. The result is its content, or None."""
        with self._work:
            acting = self._acting(ticket, CARDS)
            found, wanted = self._card_keys(uid), self._keys_of_version(uid, key_version)
            self._note(acting.number, actions.DESFIRE_KEYS, {"card": uid.hex(), "key_version": key_version})

            async def rekey(card: Desfire) -> CardContent | None:
                if not await desfire_cards.rekey_card(card, found, wanted):
                    return None
                return await desfire_cards.read_card(card, [wanted])

            return self._card_dialogs().begin(rekey)

    def answer_desfire(self, dialog: str, answer: bytes) -> tuple[bytes, CardContent | bytes | None]:
        """Continue a dialog: return the next command, or an empty one and the result."""
        with self._work:
            return self._card_dialogs().go_on(dialog, answer)

    def _card_dialogs(self) -> Dialogs:
        if self._dialogs is None:
            self._dialogs = Dialogs(self._clock, _commands_over)
        return self._dialogs

    def _card_keys(self, uid: bytes) -> Sequence[CardKeys]:
        """Return the keys of a card, the newest first."""
        return [self._keys_of_version(uid, one.key_version) for one in self._ring.newest_first]

    def _refuse_point(self) -> None:
        if self.issuer != OFFICE:
            raise Refused(
                "only the vault of the office works with DESFire key cards: a vending point has no credit key;"
                " load the card at the office, or make a key card on an NTAG216"
            )

    def _keys_of_version(self, uid: bytes, key_version: int) -> CardKeys:
        self._refuse_point()
        if len(uid_of(uid)) != _UID_SIZE:
            raise Refused("a DESFire card has a UID of seven bytes")
        one = self._ring.of(key_version)
        root = one.operator_key
        return CardKeys(
            key_version,
            desfire_keys.master_key(root.aes, root.handle, uid),
            desfire_keys.debit_key(aes, one.site_key, uid),
            desfire_keys.credit_key(root.aes, root.handle, uid),
            desfire_keys.identify_key(aes, one.site_key),
        )


def _commands_over(relay: Relay) -> Desfire:
    return DesfireEv2(relay, aes, os.urandom)
