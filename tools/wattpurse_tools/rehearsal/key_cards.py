"""The key cards of a rehearsal: customers who load them at a counter, and put them into the slots of their meters.

A counter notes each payment in a plain book. The judge compares the book with the cards and with the meters:

    paid = loaded on the cards = balance of the cards + charged by the meters - owed by the cards
"""

import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from wattpurse.core.money import contract as contracts
from wattpurse.core.money import key_card
from wattpurse_tools.headend import online_shop
from wattpurse_tools.headend.signing_on import HeadendOperator
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import sales
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.sale_types import KEY_CARD, MONEY, SaleRequest, Wish
from wattpurse_tools.rehearsal.judge import Verdict, money
from wattpurse_tools.rehearsal.site import Place
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.shop import Shop, open_shop

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

BY_CARD = "card"  # the way to pay at the counter

_KIND = "ntag216"
_CURRENCY = "EUR"


class CardInSlot:
    """A card of the counter's folder that is in the slot of a meter. Its file is written when it is taken out."""

    def __init__(self, shop: Shop, reader: CardReader, name: str) -> None:
        self._shop = shop
        self._reader = reader
        self._name = name
        self._card = shop.files.load(name)

    @property
    def uid(self) -> bytes:
        """The UID of the card."""
        return self._card.uid

    def show(self, step: "Callable[[Memory], Coroutine[None, None, int]]") -> int:
        """Put the card on the reader of the meter, and run a step."""
        return self._reader.work(self._card, step)

    def take_out(self) -> None:
        """Bring the card back to the folder."""
        self._shop.files.save(self._name, self._card)


class KeyCards:
    """The customers with key cards, at the counter of an office with a folder of cards. `paid` are micro-units."""

    def __init__(self, office: Office, places: Sequence[Place], folder: Path) -> None:
        self.places = [one for one in places if one.contract == contracts.KeyCard.name]
        self.paid: dict[int, list[int]] = defaultdict(list)
        self._office = office
        self._operator = HeadendOperator(office)
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._shop = self._open_shop()
        self._reader = CardReader(office.keys)
        for place in self.places:
            customer = place.tenancy.customer.number
            self._shop.key_cards.new_card(_name(place), _KIND, KeyCardTerms(key_card.BY_TARIFF), customer)

    def load(self, place: Place, microunits: int) -> None:
        """Let a customer bring the card to the counter, pay by bank card, and put it into the slot again."""
        self.take_out(place)
        self._shop = self._open_shop()
        actor, reader = self._operator.actor(), StationReader(self._shop, _name(place))
        with transaction.atomic():
            shift = online_shop.running_shift(self._office, actor, int(time.time()))
        client_key = f"key-card-{place.number}-{len(self.paid[place.number])}"
        wish = Wish(MONEY, gross_microunits=microunits)
        request = SaleRequest(client_key, shift.pk, 0, reader.read().uid, KEY_CARD, wish, BY_CARD)
        sold = sales.sell(self._office, actor, request, reader)
        if sold.trouble:
            raise OSError(f"the key card of meter {place.number}: {sold.trouble}")
        self.paid[place.number].append(microunits)
        place.meter.card_in_slot = CardInSlot(self._shop, self._reader, _name(place))
        if place.meter.is_powered:
            place.meter.act()

    def _open_shop(self) -> Shop:
        """Return the counter with its operator signed on: a ticket of the vault ends after some hours."""
        return open_shop(self._office.keys, self._folder, self._operator.actor())

    def take_out(self, place: Place) -> None:
        """Take the card out of the slot."""
        card = place.meter.card_in_slot
        if isinstance(card, CardInSlot):
            card.take_out()
        place.meter.card_in_slot = None

    @property
    def total(self) -> int:
        """All that was paid at the counter."""
        return sum(sum(paid) for paid in self.paid.values())

    def judge(self, verdict: Verdict) -> None:
        """Compare the counter's book with cards, meters and ledger."""
        if not self.places:
            return
        for place in self.places:
            self._judge_place(verdict, place)
        verdict.expect("money of the counter at the bank", balances.balance(chart.bank(BY_CARD), _CURRENCY), self.total)
        verdict.sums["paid at the counter, all on key cards"] = money(self.total)

    def _judge_place(self, verdict: Verdict, place: Place) -> None:
        self.take_out(place)
        name, account, paid = f"key card of meter {place.number}", place.meter.account, sum(self.paid[place.number])
        read = self._shop.cards.read(_name(place))
        content = self._shop.key_cards.look(read).content
        if content is None:
            verdict.findings.append(f"{name}: it cannot be read")
            return
        newest = account.cards.newest
        owed = 0 if newest is None else newest.owed
        verdict.expect(f"{name}: loaded", content.loaded, paid)
        verdict.expect(f"{name}: deducted", content.spent, account.money.bought - owed)
        credit = balances.balance(chart.key_card(read.card.uid.hex()), _CURRENCY)
        verdict.expect(f"{name}: credit in the ledger", credit, paid)


def _name(place: Place) -> str:
    return f"key-{place.number}"
