"""The customer at a meter, to be confirmed before a sale: name, premises, and the credit as it was last told."""

from dataclasses import dataclass

from wattpurse_tools.office import sales
from wattpurse_tools.office.sale_types import ENERGY, MONEY, Person
from wattpurse_tools.office.wishes import wishes_of
from wattpurse_tools.pages.amount_texts import amount_text, time_text
from wattpurse_tools.pages.tills import Place


@dataclass(frozen=True)
class Facts:
    """A meter and its customer. `person` is None if the office does not have the meter.

    `balance_text` and `told_text` are empty if the meter has told nothing yet. The balance of an account has no time.
    """

    meter_number: int
    person: Person | None = None
    unit: str = ""
    balance_text: str = ""
    told_text: str = ""

    @property
    def contract(self) -> str:
        """The contract of the meter, or an empty text."""
        return "" if self.person is None else self.person.contract

    @property
    def name(self) -> str:
        """The name of the customer, or an empty text if nobody lives there."""
        return "" if self.person is None else self.person.name


def facts_of(meter_number: int, place: Place) -> Facts:
    """Return the facts of a meter, as a till shows them."""
    person = sales.person_at(meter_number)
    if person is None:
        return Facts(meter_number)
    unit = ENERGY if ENERGY in wishes_of(person.contract, person.contract) else MONEY
    balance = "" if person.balance is None else amount_text(person.balance, unit, place.currency, place.decimals)
    told = time_text(person.told_s, place.till.shop.time_zone) if person.told_s else ""
    return Facts(meter_number, person, unit, balance, told)
