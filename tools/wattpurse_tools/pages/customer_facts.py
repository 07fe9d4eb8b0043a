"""The customer at a meter, to be confirmed before a sale: name, premises, and the credit as it was last told."""

from dataclasses import dataclass

from wattpurse_tools.office import sales
from wattpurse_tools.office.sale_types import ENERGY
from wattpurse_tools.pages.amount_texts import amount_text, time_text
from wattpurse_tools.pages.tills import Place


@dataclass(frozen=True)
class Facts:
    """A meter and who lives there. `balance_text` and `told_text` are empty if the meter has told nothing yet."""

    meter_number: int
    contract: str = ""
    unit: str = ""
    number: int = 0
    name: str = ""
    premises: str = ""
    balance_text: str = ""
    told_text: str = ""
    is_known: bool = True


def facts_of(meter_number: int, place: Place) -> Facts:
    """Return the facts of a meter, as a till shows them."""
    person = sales.person_at(meter_number)
    if person is None:
        return Facts(meter_number, is_known=False)
    unit = ENERGY if ENERGY in sales.wishes_of(person.contract, person.contract) else "money"
    balance = "" if person.balance is None else amount_text(person.balance, unit, place.currency, place.decimals)
    told = time_text(person.told_s, place.till.shop.time_zone) if person.told_s else ""
    return Facts(meter_number, person.contract, unit, person.number, person.name, person.premises, balance, told)
