"""A meter with a network: the core with a teller, which answers tokens and publishes sealed statements."""

from boards.host.chips.aes import aes
from tests.tools.meter_bench import MeterBench
from wattpurse.core import carrier, outcome
from wattpurse.core.currency import Currency
from wattpurse.core.messages import mqtt, statement
from wattpurse.core.seals import keys
from wattpurse_tools.station.station import Station

CAPACITY = 480
MWH = 1_000_000


class Keys:
    """The keys of the meters of an office for their benches."""

    def __init__(self, office, actor):
        self._office, self._actor = office, actor
        self.key_version = office.keys.newest_version

    @property
    def site_key(self):
        return self._of(1)[1]

    def meter_key(self, number):
        return self._of(number)[0]

    def _of(self, number):
        return self._office.keys.meter_keys(self._actor.ticket, number, self.key_version, self.key_version)


class NetworkMeter(MeterBench):
    """A meter of an office, which is added to its record."""

    def __init__(self, office, actor, number, contract="prepaid-money"):
        Station(office.keys, actor).add_meter(number, Currency("EUR", 2), contract)
        site_keys = Keys(office, actor)
        super().__init__(site_keys, number)
        self._key = keys.statement_key(aes, site_keys.meter_key(number))
        self._sent = 0

    @property
    def time_s(self):
        return self.timekeeper.now_s()

    def topic(self, name):
        return mqtt.topic(self.number, name)

    def use(self, seconds=3600, energy_mwh=MWH):
        """Let time pass and energy flow."""
        self.clock.advance_us(seconds * 1_000_000)
        self.ledger.change(lambda account: account.pass_to(self.time_s))
        self.ledger.change(lambda account: account.consume(energy_mwh))

    def statement(self, alarms=0, time_s=None):
        """Return the message with the next statement."""
        payload = statement.compose(self.account, alarms, time_s or self.time_s, CAPACITY)
        number, self._sent = self._sent, self._sent + 1
        pair = keys.statement_keys(aes, self._key, carrier.statement_identity(carrier.MQTT, number))
        sealed = statement.seal_statement(aes, pair, number, self.number, payload)
        return self.topic(mqtt.STATEMENT), mqtt.wrap_statement(number, sealed)

    def answer(self, data):
        """Redeem a token. Return the message with the answer."""
        result = self.teller.redeem(data, carrier.MQTT)
        is_redeemed = result in (outcome.ACCEPTED, outcome.USED)
        return self.topic(mqtt.RECEIPT), mqtt.receipt(data, result, is_redeemed)
