"""A managed meter for the tests of the head-end: the firmware's own account, and its statements in the record."""

from wattpurse.core.messages import statement as statements
from wattpurse.core.messages import token
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import Managed
from wattpurse.core.tariffs.tariff import Tariff as MeterTariff
from wattpurse_tools.record.models import Command, Customer, CustomerType, Premises, Tariff, Tenancy
from wattpurse_tools.station.station import Station
from wattpurse_tools.tariffs import tariff_file

KWH = 1_000_000
DAY_S = 86_400
SIZE = 1024


def document(version=1, day="0.30", night="0.20", **further):
    """Return a tariff of two rates, with prices per kWh. The night is from 22:00 to 06:00 UTC."""
    return {
        "version": version,
        "activation": "2020-01-01T00:00:00+00:00",
        "currency": "EUR",
        "zone": {"offset": "+00:00"},
        "rates": [{"name": "DAY", "prices": [day]}, {"name": "NIGHT", "prices": [night]}],
        "day_types": {"all": {"00:00": "NIGHT", "06:00": "DAY", "22:00": "NIGHT"}},
        "seasons": [{"start": "01-01", "days": "all"}],
    } | further


def add_tariff(name, version, table=None, **further):
    """Add a tariff to the record and return its row."""
    data = table or tariff_file.encode(document(version, **further))
    return Tariff.objects.create(name=name, version=version, table=data, created_s=0)


def add_tenancy(meter, customer_type="household"):
    """Add a customer at a managed meter and return the tenancy."""
    customer = Customer.objects.create(
        number=100 + meter,
        name=f"Customer {meter}",
        customer_type=CustomerType.objects.get(name=customer_type),
        email=f"customer{meter}@example.org",
        created_s=0,
    )
    place = Premises.objects.create(name=f"Flat {meter}")
    return Tenancy.objects.create(
        premises=place, customer=customer, meter_number=meter, from_s=0, page_code=f"code-{meter}"
    )


class ManagedMeter:
    """A meter of the contract "managed" that reports to the record. `account` is the firmware's."""

    contract = Managed

    def __init__(self, office, number, now_s, tariff=None):
        row = tariff or Tariff.objects.get(version=1)
        self._office = office
        self.number = number
        self.account = Account(bytes(row.table), 1000, 1, self.contract, now_s)
        self._last = 0

    @property
    def now_s(self):
        """The meter's time."""
        return self.account.time_s

    def pass_to(self, now_s):
        """Let time pass."""
        self.account.pass_to(now_s)

    def use(self, mwh):
        """Use energy at the rate in force."""
        self.account.consume(mwh)

    def next_tariff(self, row):
        """Take a tariff that follows."""
        self.account.pending_tariff = MeterTariff(bytes(row.table))
        self.account.note_next_change()

    def statement(self, size=SIZE):
        """Return the content of a statement, as a station opens it."""
        self._last += 1
        content = statements.parse(statements.compose(self.account, 0, self.now_s, size))
        return content | {"number": self._last, "meter_number": self.number}

    def report(self, content=None):
        """Bring a statement to the record."""
        Station(self._office.keys).learn(content or self.statement())

    def obey(self):
        """Redeem the tokens that the network queue has for the meter, in their order."""
        for command in Command.objects.filter(meter_id=self.number).select_related("token").order_by("pk"):
            one = command.token
            if self.account.token_is_used(one.sequence):
                continue
            self.account.mark_token(one.sequence)
            if one.kind == token.PERMIT:
                self.account.standing.set("permit_until_s", one.amount)
            if one.kind == token.SWITCH:
                self.account.standing.set("ordered_open", int(command.wish == "switch off"))

    def is_on(self):
        """Return True if the meter's own rules let supply be on."""
        is_permitted = self.now_s < self.account.standing["permit_until_s"]
        return is_permitted and not self.account.standing["ordered_open"]
