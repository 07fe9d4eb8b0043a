"""The key cards that a meter knows: the newest with its full content, and the proof that earlier ones are genuine.

For each card the meter keeps the version and the money spent that should be on the card, the last deduction until the
card proves that it has it, and the amount owed: used, but not deducted yet. A card with lower numbers is an older image
of itself. The oldest card leaves this list for the register (see `card_register`), and `bring_back` takes it from there
with the amount that it owes. At any time, in micro-units,

    charged to cards = spent on cards by this meter + owed by cards of this list + left

`left` is owed by cards that left the list. It is lost only if the register forgets such a card. `meet` and `take_terms`
put a card in charge, and `step` deducts the amount that it owes. The ledger journals each call before it is made.
"""

import struct

from wattpurse.core.money.key_card import NO_ALLOWANCE, PERIODS, CardContent, join48, period_number, split48

REMEMBERED = 8

_CARD = "<IIIHIHIHB"
_CARD_SIZE = struct.calcsize(_CARD)
_TERMS = "<IHIHIIBHII"
_TERMS_SIZE = struct.calcsize(_TERMS)
_AMOUNT_LIMIT = (1 << 48) - 1  # above the limit of a card, because the amount owed is added
STEP_LIMIT = (1 << 32) - 1  # micro-units that one step deducts at most


class KnownCard:
    """One card: `number`, `version`, `spent`, `pending` (last deduction), `unproved` (0 or 1) and `owed`.

    While `unproved` is 1, `version` and `spent` are those of the last writing, which may not have reached the card.
    """

    def __init__(
        self,
        number: int,
        version: int,
        spent: int,
        pending: int = 0,
        unproved: int = 0,
        owed: int = 0,
    ) -> None:
        self.number = number
        self.version = version
        self.spent = spent
        self.pending = pending
        self.unproved = unproved
        self.owed = owed

    def is_behind(self, version: int, spent: int) -> bool:
        """Return True if a card with these numbers did not get the unproved writing."""
        return self.unproved == 1 and (version, spent) == (self.version - 1, self.spent - self.pending)

    def may_have_paid(self, spent: int) -> bool:
        """Return True if a card with this money spent can have paid its debt since, at this meter or another."""
        return spent >= self.spent + self.owed

    def is_genuine(self, version: int, spent: int) -> bool:
        """Return True if the card may have these numbers. Return False for an older image of it."""
        if self.unproved:
            return self.is_behind(version, spent) or (version >= self.version and spent >= self.spent - self.pending)
        return (version, spent) == (self.version, self.spent) or (version > self.version and spent >= self.spent)

    def meet(self, version: int, spent: int) -> None:
        """Take over the numbers of a genuine card. A deduction that the card did not get is owed again.

        If a deduction of another meter may hide it, the deduction counts as made: nothing must be deducted twice.
        """
        is_other_writing = version == self.version and spent != self.spent
        if self.unproved and (version < self.version or spent < self.spent or is_other_writing):
            self.owed += self.pending
        self.version = version
        self.spent = spent
        self.pending = 0
        self.unproved = 0


class KnownCards:
    """Up to REMEMBERED cards, the newest first, with money, price and allowance of the newest."""

    def __init__(self) -> None:
        self.known = []
        self.left = 0
        self.loaded = 0
        self.price = 0
        self.allowance_mwh = 0
        self.period = NO_ALLOWANCE
        self.period_number = 0
        self.used_mwh = 0
        self.user = 0

    @property
    def next_to_leave(self) -> KnownCard | None:
        """The card that another one would drive out of the list, or None while there is room."""
        return self.known[-1] if len(self.known) == REMEMBERED else None

    @property
    def newest(self) -> KnownCard | None:
        """The card in charge, or the last card that was in charge."""
        return self.known[0] if self.known else None

    @property
    def balance(self) -> int:
        """Micro-units left on the newest card, less the amount that it owes."""
        return self.loaded - self.known[0].spent - self.known[0].owed if self.known else 0

    @property
    def allowance_left_mwh(self) -> int:
        """Free energy of the newest card until its period ends."""
        return max(0, self.allowance_mwh - self.used_mwh) if self.period != NO_ALLOWANCE else 0

    def is_newest(self, number: int) -> bool:
        """Return True for the newest card."""
        return bool(self.known) and self.known[0].number == number

    def find(self, number: int) -> KnownCard | None:
        """Return the known card with that number, or None."""
        for card in self.known:
            if card.number == number:
                return card
        return None

    def is_genuine(self, number: int, version: int, spent: int) -> bool:
        """Return False for a card with lower numbers than those this meter has written on it."""
        card = self.find(number)
        return card is None or card.is_genuine(version, spent)

    def meet(self, number: int, version: int, spent: int, user: int) -> None:
        """Make the card with that number the newest. Raise ValueError if it is not genuine."""
        if not self.is_genuine(number, version, spent):
            raise ValueError("an older image of a card")
        if self.known and self.known[0].number != number:
            # The next card may have equal terms: forget the period, so that it starts with its own use.
            self.period = NO_ALLOWANCE
            self.period_number = 0
            self.used_mwh = 0
        card = self.find(number)
        if card is None:
            card = KnownCard(number, version, spent)
        else:
            card.meet(version, spent)
            self.known.remove(card)
        self.known.insert(0, card)
        if len(self.known) > REMEMBERED:
            self.left += self.known.pop().owed
        self.user = user

    def bring_back(self, card: KnownCard) -> None:
        """Take a card of the register into the list, as its oldest. Raise ValueError if it is in the list."""
        if self.find(card.number) is not None:
            raise ValueError("the card is in the list already")
        if len(self.known) == REMEMBERED:
            self.left += self.known.pop().owed
        self.left = max(0, self.left - card.owed)  # the register may be older than this account
        self.known.append(card)

    def take_terms(
        self,
        loaded: int,
        price: int,
        allowance_mwh: int,
        period: int,
        number: int,
        used_mwh: int,
        day: int,
    ) -> None:
        """Take the remaining content of the newest card; `number` is that of its period, `day` is today.

        If card and meter know the same period, the larger use counts: the card may not have all of it. Raise ValueError
        for an unknown period.
        """
        if period >= len(PERIODS):
            raise ValueError("no such period")
        if period != self.period or number > self.period_number:
            self.period_number = number
            self.used_mwh = used_mwh
        elif number == self.period_number:
            self.used_mwh = max(self.used_mwh, used_mwh)
        self.loaded = loaded
        self.price = price
        self.allowance_mwh = allowance_mwh
        self.period = period
        self.enter_day(day)

    def enter_day(self, day: int) -> None:
        """Restore the allowance if a new period begins; `day` is a local day."""
        if self.period != NO_ALLOWANCE:
            number = period_number(self.period, day)
            if number > self.period_number:
                self.period_number = number
                self.used_mwh = 0

    def use_allowance(self, energy_mwh: int) -> None:
        """Charge energy to the allowance of the newest card."""
        self.used_mwh += energy_mwh

    def owe(self, microunits: int) -> None:
        """Add an amount that the newest card owes."""
        self.known[0].owed += microunits

    def step(self, number: int, version: int, amount: int) -> None:
        """Deduct `amount` of the debt of the newest card, with its next version.

        Raise ValueError if the deduction is impossible.
        """
        card = self.newest
        if (
            card is None
            or card.number != number
            or card.version + 1 != version
            or not 0 <= amount <= min(card.owed, STEP_LIMIT)
        ):
            raise ValueError("the deduction does not follow the card's state")
        card.version = version
        card.spent += amount
        card.pending = amount
        card.unproved = 1
        card.owed -= amount

    def content(self) -> CardContent:
        """Return the content that should be on the newest card."""
        allowance = (self.allowance_mwh, self.period, self.period_number, self.used_mwh)
        card = self.known[0]
        return CardContent(card.version, self.loaded, card.spent, self.price, allowance, self.user)

    def content_after_step(self) -> CardContent:
        """Return the content that the newest card has when the amount that it owes is deducted."""
        content = self.content()
        content.version += 1
        content.spent += min(self.known[0].owed, STEP_LIMIT)
        return content

    def content_before(self) -> CardContent:
        """Return the content of the newest card if its last writing did not reach it."""
        card = self.known[0]
        return self.content().at(card.version - card.unproved, card.spent - card.pending)

    def is_plausible(self) -> bool:
        """Return True if a meter can have reached this state."""
        amounts = [self.loaded, self.left]
        for card in self.known:
            amounts += [card.spent, card.pending, card.owed, card.spent - card.pending]
        return min(amounts) >= 0 and max(amounts) <= _AMOUNT_LIMIT

    def pack(self) -> bytes:
        """Pack everything into bytes."""
        parts = [bytes((len(self.known),))]
        if self.known:
            parts.append(
                struct.pack(
                    _TERMS,
                    *split48(self.left),
                    *split48(self.loaded),
                    self.price,
                    self.allowance_mwh,
                    self.period,
                    self.period_number,
                    self.used_mwh,
                    self.user,
                )
            )
        for card in self.known:
            amounts = split48(card.spent) + split48(card.pending) + split48(card.owed)
            parts.append(struct.pack(_CARD, card.number, card.version, *amounts, card.unproved))
        return b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(cards, position behind them)` of the bytes at `position`. Raise ValueError for other bytes."""
        cards = cls()
        count = data[position] if position < len(data) else REMEMBERED + 1
        position += 1
        if count > REMEMBERED or position + (count > 0) * _TERMS_SIZE + count * _CARD_SIZE > len(data):
            raise ValueError("the known cards end early")
        if count:
            fields = struct.unpack_from(_TERMS, data, position)
            cards.left, cards.loaded = join48(*fields[0:2]), join48(*fields[2:4])
            cards.price, cards.allowance_mwh, cards.period, cards.period_number, cards.used_mwh, cards.user = fields[4:]
            position += _TERMS_SIZE
        for _ in range(count):
            number, version, *amounts, unproved = struct.unpack_from(_CARD, data, position)
            spent, pending, owed = (join48(*amounts[place : place + 2]) for place in (0, 2, 4))
            cards.known.append(KnownCard(number, version, spent, pending, unproved, owed))
            position += _CARD_SIZE
        return cards, position
