"""A meter with the keys of a key file. It accepts cards from the station's folder, and typed tokens."""

import json
from contextlib import contextmanager
from pathlib import Path

from boards.host.cards.images import from_image
from tests.services.desk_bench import METER, DeskBench
from wattpurse.core import carrier


@contextmanager
def card_in_hand(name):
    """Take a card out of the station's folder, and put it back with its changes."""
    path = Path("cards", f"{name}.json")
    card = from_image(json.loads(path.read_text()))
    yield card
    path.write_text(json.dumps(card.image()))


class MeterBench(DeskBench):
    """One meter."""

    def __init__(self, site_keys, number=METER):
        self.number = number
        self.new_meter(site_keys.meter_key(number), site_keys.site_key, number)
        version = site_keys.key_version
        self.settings.set_all((("key_version", version), ("site_key_version", version)))

    @property
    def account(self):
        return self.ledger.account

    def tap_file(self, name):
        """Bring a card of the station to the meter. Return the meter's outcomes."""
        with card_in_hand(name) as card:
            return self.tap(card)

    def type(self, digits):
        """Enter a token at the console. Return the outcome."""
        return self.teller.redeem(bytes.fromhex(digits), carrier.CONSOLE)

    def use_money(self, amount):
        """Consume energy that costs `amount` micro-units."""
        self.ledger.change(lambda account: account.money.spend(amount))
