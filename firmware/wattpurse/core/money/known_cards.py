"""The key cards that a meter knows: the newest with all that it says, and of those before it what proves them genuine.

Of each card the meter keeps the version and the money spent as they should be on it, the last deduction as long as the
card has not proved that it took it, and what is owed: used, and not deducted yet. A card that shows less than that is
an older image of itself. What is owed goes with the card, and is given away only when so many others came that the
meter forgets it. So, in micro-units and always,

    charged to cards = spent on cards by this meter + owed + given

`meet` and `take_terms` say that a card is in charge from now on, `step` that what it owes is deducted. The ledger
journals each before it is made.
"""

import struct

from wattpurse.core.money.key_card import NO_ALLOWANCE, PERIODS, CardContent, join48, period_number, split48

REMEMBERED = 8

_CARD = "<IIIHIHIHB"
_CARD_SIZE = struct.calcsize(_CARD)
_TERMS = "<IHIHIIBHII"
_TERMS_SIZE = struct.calcsize(_TERMS)
_AMOUNT_LIMIT = (1 << 48) - 1  # more than any card says, for what is used comes on top


class KnownCard:
    """One card: `number`, `version`, `spent`, `pending` (deducted last), `unproved` (0 or 1) and `owed`.

    While `unproved` is 1, `version` and `spent` are those that a writing brings, which may not have reached the card.
    """

    def __init__(
        self, number: int, version: int, spent: int, pending: int = 0, unproved: int = 0, owed: int = 0
    ) -> None:
        self.number = number
        self.version = version
        self.spent = spent
        self.pending = pending
        self.unproved = unproved
        self.owed = owed

    def is_behind(self, version: int, spent: int) -> bool:
        """True if a card that says this is as it was before the writing that is not proved."""
        return self.unproved == 1 and (version, spent) == (self.version - 1, self.spent - self.pending)

    def is_genuine(self, version: int, spent: int) -> bool:
        """True if the card may say this; False for an older image of it, or one that lived on elsewhere."""
        if self.unproved:
            return self.is_behind(version, spent) or (version >= self.version and spent >= self.spent - self.pending)
        return (version, spent) == (self.version, self.spent) or (version > self.version and spent >= self.spent)

    def meet(self, version: int, spent: int) -> None:
        """The card says this, and it is genuine. A deduction that it has not taken is owed again.

        One that another meter's may hide is taken for made: what was deducted must never be deducted twice.
        """
        is_other_writing = version == self.version and spent != self.spent
        if self.unproved and (version < self.version or spent < self.spent or is_other_writing):
            self.owed += self.pending
        self.version = version
        self.spent = spent
        self.pending = 0
        self.unproved = 0


class KnownCards:
    """Up to REMEMBERED cards, the newest first, and what the newest says of its money, price and allowance."""

    def __init__(self) -> None:
        self.known = []
        self.given = 0
        self.loaded = 0
        self.price = 0
        self.allowance_mwh = 0
        self.period = NO_ALLOWANCE
        self.period_number = 0
        self.used_mwh = 0
        self.user = 0

    @property
    def newest(self) -> KnownCard | None:
        """The card in charge, or that was last."""
        return self.known[0] if self.known else None

    @property
    def balance(self) -> int:
        """Micro-units that the newest card has left, with what it owes taken off."""
        return self.loaded - self.known[0].spent - self.known[0].owed if self.known else 0

    @property
    def allowance_left_mwh(self) -> int:
        """What is free for the newest card until its period ends."""
        return max(0, self.allowance_mwh - self.used_mwh) if self.period != NO_ALLOWANCE else 0

    def is_newest(self, number: int) -> bool:
        """True for the card in charge, or that was last."""
        return bool(self.known) and self.known[0].number == number

    def find(self, number: int) -> KnownCard | None:
        """What is known of a card, or None."""
        for card in self.known:
            if card.number == number:
                return card
        return None

    def is_genuine(self, number: int, version: int, spent: int) -> bool:
        """False for a card that says less than what this meter has written on it."""
        card = self.find(number)
        return card is None or card.is_genuine(version, spent)

    def meet(self, number: int, version: int, spent: int, user: int) -> None:
        """The card with that number says this, and is the newest now. Raises ValueError if it is not genuine."""
        if not self.is_genuine(number, version, spent):
            raise ValueError("an older image of a card")
        if self.known and self.known[0].number != number:
            # Until its own terms are taken, those of the card before may be just the same: none is without them.
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
        for forgotten in self.known[REMEMBERED:]:
            self.given += forgotten.owed
        del self.known[REMEMBERED:]
        self.user = user

    def take_terms(
        self, loaded: int, price: int, allowance_mwh: int, period: int, number: int, used_mwh: int, day: int
    ) -> None:
        """What else the newest card says; `number` of its period, `day` today.

        Of what was used in one period the larger holds: the card may not have been told all of it. Raises ValueError
        for a period that there is not.
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
        """The allowance is whole again where a new period begins; `day` is a local day."""
        if self.period != NO_ALLOWANCE:
            number = period_number(self.period, day)
            if number > self.period_number:
                self.period_number = number
                self.used_mwh = 0

    def use_allowance(self, energy_mwh: int) -> None:
        """The newest card takes this from its allowance."""
        self.used_mwh += energy_mwh

    def owe(self, microunits: int) -> None:
        """The newest card owes this more."""
        self.known[0].owed += microunits

    def step(self, number: int, version: int, amount: int) -> None:
        """`amount` of what the newest card owes is deducted with its next version. ValueError if it cannot be."""
        card = self.newest
        if card is None or card.number != number or card.version + 1 != version or not 0 <= amount <= card.owed:
            raise ValueError("a deduction that does not follow")
        card.version = version
        card.spent += amount
        card.pending = amount
        card.unproved = 1
        card.owed -= amount

    def content(self) -> CardContent:
        """What should be on the newest card."""
        return self._content(self.known[0].version, self.known[0].spent)

    def content_before(self) -> CardContent:
        """What is on the newest card if its last writing has not reached it."""
        card = self.known[0]
        return self._content(card.version - card.unproved, card.spent - card.pending)

    def _content(self, version: int, spent: int) -> CardContent:
        return CardContent(
            version,
            self.loaded,
            spent,
            self.price,
            (self.allowance_mwh, self.period, self.period_number, self.used_mwh),
            self.user,
        )

    def is_plausible(self) -> bool:
        """Whether a meter can have come to this."""
        amounts = [self.loaded, self.given]
        for card in self.known:
            amounts += [card.spent, card.pending, card.owed, card.spent - card.pending]
        return min(amounts) >= 0 and max(amounts) <= _AMOUNT_LIMIT

    def pack(self) -> bytes:
        """Everything as bytes."""
        parts = [bytes((len(self.known),))]
        if self.known:
            parts.append(
                struct.pack(
                    _TERMS,
                    *split48(self.given),
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
        """`(cards, position behind them)` of what `pack` put at `position`. Raises ValueError for anything else."""
        cards = cls()
        count = data[position] if position < len(data) else REMEMBERED + 1
        position += 1
        if count > REMEMBERED or position + (count > 0) * _TERMS_SIZE + count * _CARD_SIZE > len(data):
            raise ValueError("the known cards end early")
        if count:
            fields = struct.unpack_from(_TERMS, data, position)
            cards.given, cards.loaded = join48(*fields[0:2]), join48(*fields[2:4])
            cards.price, cards.allowance_mwh, cards.period, cards.period_number, cards.used_mwh, cards.user = fields[4:]
            position += _TERMS_SIZE
        for _ in range(count):
            number, version, *amounts, unproved = struct.unpack_from(_CARD, data, position)
            spent, pending, owed = (join48(*amounts[place : place + 2]) for place in (0, 2, 4))
            cards.known.append(KnownCard(number, version, spent, pending, unproved, owed))
            position += _CARD_SIZE
        return cards, position
