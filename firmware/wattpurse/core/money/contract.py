"""How supply is paid for: each contract answers what energy costs, whether supply may be on, and what credit there is.

A contract holds nothing itself: it reads the `account` it is handed and spends from its purses, so that
bought = charged + balance holds in both of them whatever the contract. `circumstances` are those of the moment.

Each has `code` (in flash and tokens), `name`, `unit` (what its credit is counted in: MONEY, ENERGY or TIME),
`credit_unit` (the purse that statements tell of first) and

    price(account)                          `(block, price, room)` of the next energy, as `Tariff.price` says
    charge_energy(account, price, mwh)      spends it; gives back the micro-units charged
    charge_days(account, days)              spends the standing charge of local days; gives back the micro-units
    supply_reason(account, circumstances)   supply.ON, or why supply may not be on as far as the contract goes
    credit_balance(account)                 what is left to the customer: micro-units, mWh, 0 for contracts of time
    emergency_limit(account)                how far below zero its balance may go once the customer has accepted that
    emergency(account)                      how that stands with its purse: NO_EMERGENCY, EMERGENCY_ACCEPTED or _USED
    credit_left(account)                    what is left before the customer has to be warned; None where no amount is
    until_s(account)                        when it ends by itself; None for those that do not
"""

from wattpurse.core.money import key_card, supply
from wattpurse.core.money.circumstances import USABLE
from wattpurse.core.money.standing import NO_EMERGENCY
from wattpurse.core.tariffs.tariff import ALLOWANCE_BLOCK

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account
    from wattpurse.core.money.circumstances import Circumstances

MONEY = 0
ENERGY = 1
TIME = 2


class Contract:
    """What most contracts have in common: nothing costs anything, and there is no end and no emergency credit."""

    code = 0
    name = ""
    unit = MONEY
    credit_unit = MONEY
    emergency_name = None  # name of the standing number with the state of emergency credit
    can_owe = True  # True if energy used without credit can still be charged when friendly hours end

    @classmethod
    def emergency(cls, account: "Account") -> int:
        """NO_EMERGENCY where the contract has none."""
        return NO_EMERGENCY if cls.emergency_name is None else account.standing[cls.emergency_name]

    @staticmethod
    def price(account: "Account") -> tuple:
        """By the tariff, for where the month stands."""
        month = account.registers.month
        return account.tariff.price(account.rate, month.rate_mwh[account.rate], month.total_mwh)

    @staticmethod
    def charge_energy(_account: "Account", _price_microunits_per_kwh: int, _energy_mwh: int) -> int:
        """Energy is registered and costs nothing."""
        return 0

    @staticmethod
    def charge_days(_account: "Account", _days: int) -> int:
        """Days cost nothing."""
        return 0

    @staticmethod
    def supply_reason(_account: "Account", _circumstances: "Circumstances") -> int:
        """Return supply.ON, or the reason to end supply. Every contract has its own rule."""
        raise NotImplementedError

    @classmethod
    def credit_balance(cls, account: "Account") -> int:
        """What is left in the contract's purse."""
        return 0 if cls.unit == TIME else account.credit_register(cls.unit).balance

    @staticmethod
    def emergency_limit(_account: "Account") -> int:
        """There is no emergency credit."""
        return 0

    @staticmethod
    def credit_left(_account: "Account") -> int | None:
        """No amount that could run out."""
        return None

    @staticmethod
    def until_s(_account: "Account") -> int | None:
        """It does not end by itself."""
        return None


class PrepaidMoney(Contract):
    """Money in the meter, charged by tariff; supply ends when it is spent."""

    code = 1
    name = "prepaid-money"
    emergency_name = "emergency_money"

    @staticmethod
    def charge_energy(account: "Account", price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Charge energy at one price; give back the micro-units charged."""
        return account.spend_price(price_microunits_per_kwh, energy_mwh)

    @staticmethod
    def charge_days(account: "Account", days: int) -> int:
        """Charge the standing charge of `days` local days; give back the micro-units charged."""
        return account.spend_taxed(days * account.tariff.standing_charge_microunits)

    @staticmethod
    def supply_reason(account: "Account", _circumstances: "Circumstances") -> int:
        """On while there is money, or emergency credit that was accepted."""
        return _reason_of_balance(account, account.money.balance)

    @staticmethod
    def emergency_limit(account: "Account") -> int:
        """Micro-units."""
        return account.terms["emergency_microunits"]

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Micro-units."""
        return account.money.balance


class PrepaidEnergy(Contract):
    """Energy in the meter, bought as kWh; tariff prices do not matter, rates are registered all the same."""

    code = 2
    name = "prepaid-energy"
    unit = ENERGY
    credit_unit = ENERGY
    emergency_name = "emergency_energy"

    @staticmethod
    def charge_energy(account: "Account", _price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Take the energy from the energy credit; no money is charged."""
        account.energy.spend(energy_mwh)
        return 0

    @staticmethod
    def supply_reason(account: "Account", _circumstances: "Circumstances") -> int:
        """On while there is energy, or emergency credit that was accepted."""
        return _reason_of_balance(account, account.energy.balance)

    @staticmethod
    def emergency_limit(account: "Account") -> int:
        """mWh."""
        return account.terms["emergency_mwh"]

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """mWh."""
        return account.energy.balance


class Term(Contract):
    """Days, bought in advance; energy is free and registered per rate.

    Time is the meter's own, which never goes back by itself. A meter whose clock has stopped goes on from the newest
    time in its ledger: a term then lasts longer by the outage, in the customer's favour, and the clock alarm says so.
    """

    code = 3
    name = "term"
    unit = TIME

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """On up to the second in which the term ends."""
        return supply.ON if circumstances.now_s < account.standing["term_until_s"] else supply.EXPIRED

    @staticmethod
    def until_s(account: "Account") -> int:
        """The end of what was bought."""
        return account.standing["term_until_s"]


class Dispenser(PrepaidEnergy):
    """kWh with a daily maximum and days of validity: what one contract holds, no more each day, and not for ever."""

    code = 4
    name = "dispenser"
    emergency_name = None

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """On while the contract is valid, its kWh last, and the local day has not had its share."""
        if circumstances.now_s >= account.standing["dispenser_until_s"]:
            return supply.EXPIRED
        if account.energy.balance <= 0:
            return supply.NO_CREDIT
        daily_limit_mwh = account.terms["daily_limit_mwh"]
        return supply.DAILY_LIMIT if daily_limit_mwh and account.day_mwh >= daily_limit_mwh else supply.ON

    @staticmethod
    def emergency_limit(_account: "Account") -> int:
        """What is not valid any more is not lent either."""
        return 0

    @staticmethod
    def until_s(account: "Account") -> int:
        """The end of its validity."""
        return account.standing["dispenser_until_s"]


class KeyCard(Contract):
    """Money on the card in the slot, at the price on the card, its free allowance first.

    What is used is bought from the card in the same moment, so that the meter's own money stays as it was. Without a
    card, energy that flows all the same is charged to that, by the tariff.
    """

    code = 5
    name = "key-card"
    can_owe = False  # who owes on a card throws it away

    @staticmethod
    def price(account: "Account") -> tuple:
        """The card's; the tariff's where the card says so, or no card pays."""
        if not account.standing["card_in"]:
            return Contract.price(account)
        left_mwh = account.cards.allowance_left_mwh
        if left_mwh:
            return ALLOWANCE_BLOCK, 0, left_mwh
        if account.cards.price == key_card.BY_TARIFF:
            return Contract.price(account)
        return 0, account.cards.price, None

    @staticmethod
    def charge_energy(account: "Account", price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Take the energy from the card's allowance, or let the card owe its price."""
        if not account.standing["card_in"]:
            return account.spend_price(price_microunits_per_kwh, energy_mwh)
        if account.cards.allowance_left_mwh:
            account.cards.use_allowance(energy_mwh)
            return 0
        charge = account.spend_price(price_microunits_per_kwh, energy_mwh)
        account.money.bought += charge
        account.cards.owe(charge)
        return charge

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """On while a card is in that can be used, and has money, or needs none."""
        if circumstances.card is None:
            return supply.NO_CARD
        if circumstances.card != USABLE:
            return supply.CARD_UNREADABLE
        if not account.standing["card_in"]:
            return supply.NO_CARD
        has_credit = account.cards.balance > 0 or account.cards.price == 0 or account.cards.allowance_left_mwh
        return supply.ON if has_credit else supply.NO_CREDIT

    @staticmethod
    def credit_balance(account: "Account") -> int:
        """What is left on the card that is in; nothing without one."""
        return account.cards.balance if account.standing["card_in"] else 0

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Micro-units; no amount without a card, nor with one for which everything is free."""
        return account.cards.balance if account.standing["card_in"] and account.cards.price else None


class Managed(Contract):
    """A head-end keeps the account and orders the switch; its permit runs out if it falls silent."""

    code = 6
    name = "managed"
    unit = TIME

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """On while the permit lasts; an order to open is obeyed whatever the contract, see `supply`."""
        return supply.ON if circumstances.now_s < account.standing["permit_until_s"] else supply.EXPIRED

    @staticmethod
    def until_s(account: "Account") -> int:
        """The end of the permit."""
        return account.standing["permit_until_s"]


class SettledAccount(PrepaidMoney):
    """Settled afterwards: supply never ends for money; what was paid before is a deposit, a statement is the bill."""

    code = 7
    name = "account"
    emergency_name = None

    @staticmethod
    def supply_reason(_account: "Account", _circumstances: "Circumstances") -> int:
        """Always on."""
        return supply.ON

    @staticmethod
    def emergency_limit(_account: "Account") -> int:
        """There is no end that it could put off."""
        return 0

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Micro-units of deposit and limit that are not used yet; no amount where there is no limit."""
        limit = account.terms["account_limit_microunits"]
        return limit + account.money.balance if limit else None


CONTRACTS = (PrepaidMoney, PrepaidEnergy, Term, Dispenser, KeyCard, Managed, SettledAccount)


def by_code(code: int) -> type[Contract]:
    """The contract with that code. Raises ValueError for an unknown one."""
    for contract in CONTRACTS:
        if contract.code == code:
            return contract
    raise ValueError(f"no contract {code}")


def by_name(name: str) -> type[Contract]:
    """The contract of that name. Raises ValueError, naming those there are, for an unknown one."""
    for contract in CONTRACTS:
        if contract.name == name:
            return contract
    raise ValueError("no contract '" + name + "'; there are: " + ", ".join(one.name for one in CONTRACTS))


def _reason_of_balance(account: "Account", balance: int) -> int:
    """Above zero, or above what emergency credit allows."""
    return supply.ON if balance > account.emergency_floor() else supply.NO_CREDIT
