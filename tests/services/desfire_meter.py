"""A meter whose slot takes DESFire cards straight from their model, without a reader."""

from boards.host.cards.desfire_ev2 import DesfireEv2Card
from boards.host.chips.aes import aes
from tests.cards.desfire_bench import UID, Numbers
from tests.services.desk_bench import SITE_KEY, DeskBench
from wattpurse.cards.desfire import Desfire
from wattpurse.cards.desfire_ev2 import DesfireEv2
from wattpurse.cards.desfire_key_card import DesfireKeyCard
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.money import contract as contracts


class Meter(DeskBench):
    """One meter with the contract key-card. `charged` is the money that it charged to cards since it was made."""

    def __init__(self, number, site_key=SITE_KEY):
        self.new_meter(number=number, site_key=site_key)
        self.ledger.change(lambda account: setattr(account, "contract", contracts.KeyCard))

    def use(self, pulses):
        self.ledger.advance(self.timekeeper.now_s(), pulses)

    def tap(self, wire, uid=UID, seed=1):
        """Put the card on the reader, and return the outcome, or None if the card left too early."""
        commands = DesfireEv2 if isinstance(wire.card, DesfireEv2Card) else Desfire
        desfire = DesfireKeyCard(commands(wire, aes, Numbers(seed)), aes, uid)
        wire.card.power_off()
        try:
            return self.clock.run(self.slot.take(uid, None, desfire))
        except CardError:
            return None
        finally:
            self.clock.advance_us(10_000_000)  # the card is gone for longer than the grace
            self.slot.card()

    @property
    def charged(self):
        return self.ledger.account.money.charged

    @property
    def owed(self):
        """The money that no card has paid yet, as far as the meter knows."""
        cards = self.ledger.account.cards
        return cards.left + sum([card.owed for card in cards.known])
