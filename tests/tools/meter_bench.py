"""A meter with the keys of a key file, to which cards are brought from the station's folder, and typed tokens."""

import json
from pathlib import Path

from boards.host.card_models.images import from_image
from tests.services.desk_bench import METER, DeskBench
from wattpurse.core import carrier, outcome, token
from wattpurse.core.sealing import SealBroken
from wattpurse.services.key_roll import KeyRoll
from wattpurse.services.teller import Teller


class RollingTeller(Teller):
    """The teller with the key roll wired in."""

    def __init__(self, aes, settings, ledger, events_log, timekeeper, records=None):
        super().__init__(aes, settings, ledger, events_log, timekeeper, records)
        self._roll = KeyRoll(aes, settings, ledger, events_log, timekeeper, records)
        self._effects._effects[token.METER_KEY] = self._roll.take_meter_key
        self._effects._effects[token.SITE_KEY] = self._roll.take_site_key

    def take_keys(self):
        self._roll.take_keys()

    def redeem(self, data, carrier):
        header = token.read_header(data)
        if header is None:
            return outcome.UNREADABLE
        if header[0] != self._settings.get("meter_number"):
            return outcome.NOT_THIS_METER
        try:
            opened = self._roll.open(data)
        except SealBroken:
            return outcome.UNREADABLE
        return self._redeem_opened(opened, carrier)


class MeterBench(DeskBench):
    """One meter."""

    teller_class = RollingTeller

    def __init__(self, site_keys, number=METER):
        self.number = number
        self.new_meter(site_keys.meter_key(number), site_keys.site_key, number)
        version = site_keys.key_version
        self.settings.set_all((("key_version", version), ("site_key_version", version)))

    @property
    def account(self):
        return self.ledger.account

    def tap_file(self, name):
        """Bring a card of the station to the meter; what the meter told."""
        path = Path("cards", f"{name}.json")
        card = from_image(json.loads(path.read_text()))
        told = self.tap(card)
        path.write_text(json.dumps(card.image()))
        return told

    def type(self, digits):
        """Enter a token at the console; the outcome."""
        return self.teller.redeem(bytes.fromhex(digits), carrier.CONSOLE)

    def use_money(self, amount):
        """Consumption that costs so much."""
        self.ledger.change(lambda account: account.money.spend(amount))
