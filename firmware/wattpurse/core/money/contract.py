"""The contracts of supply. A contract decides the cost of energy, the permission to supply, and the credit left.

A contract has no state. It reads an `account` and charges its credit registers, so that bought = charged + balance
holds in both registers under every contract. `circumstances` are those of the moment.

Each contract has a `code` (in flash and tokens), a `name`, a `unit` of its credit (MONEY, ENERGY or TIME), a
`credit_unit` (the credit register that statements give first) and

    price(account)                          `(block, price, room)` of the next energy, as in `Tariff.price`
    charge_energy(account, price, mwh)      charges energy; returns the micro-units charged
    charge_fee(account, millionths)         charges a fee of days or months, in millionths of a micro-unit; returns the
                                            micro-units charged
    supply_reason(account, circumstances)   supply.ON, or the reason of the contract to end supply
    credit_balance(account)                 credit left to the customer: micro-units, mWh, 0 for contracts of time
    emergency_limit(account)                the amount of emergency credit, once the customer has accepted it
    emergency(account)                      state of emergency credit: NO_EMERGENCY, EMERGENCY_ACCEPTED or _USED
    credit_left(account)                    credit left before a warning; None if no amount can run out
    until_s(account)                        the end of the contract; None if it has no end
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
    """The common part of most contracts: nothing costs anything, and there is no end and no emergency credit."""

    code = 0
    name = ""
    unit = MONEY
    credit_unit = MONEY
    emergency_name = None  # name of the standing number with the state of emergency credit
    charges_demand = False  # True if the month's maximum demand may be charged
    can_owe = True  # True if energy used without credit can still be charged when friendly hours end

    @classmethod
    def emergency(cls, account: "Account") -> int:
        """Return the state of emergency credit. It is NO_EMERGENCY if the contract has none."""
        return NO_EMERGENCY if cls.emergency_name is None else account.standing[cls.emergency_name]

    @staticmethod
    def price(account: "Account") -> tuple:
        """Return the tariff's price for the consumption so far."""
        tariff, rate, registers = account.tariff, account.rate, account.registers
        counted_mwh = registers.block_mwh if tariff.counts_blocks else registers.month.rate_mwh
        return tariff.price(
            rate,
            sum(counted_mwh) if tariff.blocks_of_total else counted_mwh[rate],
            registers.month.total_mwh if tariff.allowance_mwh else 0,
        )

    @staticmethod
    def charge_energy(_account: "Account", _price_microunits_per_kwh: int, _energy_mwh: int) -> int:
        """Return 0: energy is registered and costs nothing."""
        return 0

    @staticmethod
    def charge_fee(_account: "Account", _millionths: int) -> int:
        """Return 0: days and months cost nothing."""
        return 0

    @staticmethod
    def supply_reason(_account: "Account", _circumstances: "Circumstances") -> int:
        """Return supply.ON, or the reason to end supply. Every contract has its own rule."""
        raise NotImplementedError

    @classmethod
    def credit_balance(cls, account: "Account") -> int:
        """Return the balance of the contract's credit register."""
        return 0 if cls.unit == TIME else account.credit_register(cls.unit).balance

    @staticmethod
    def emergency_limit(_account: "Account") -> int:
        """Return 0: there is no emergency credit."""
        return 0

    @staticmethod
    def credit_left(_account: "Account") -> int | None:
        """Return None: no amount can run out."""
        return None

    @staticmethod
    def until_s(_account: "Account") -> int | None:
        """Return None: the contract does not end by itself."""
        return None


class PrepaidMoney(Contract):
    """Prepaid money in the meter, charged by tariff. Supply ends when it is spent."""

    code = 1
    name = "prepaid-money"
    emergency_name = "emergency_money"

    @staticmethod
    def charge_energy(account: "Account", price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Charge energy at one price. Return the micro-units charged."""
        return account.spend_price(price_microunits_per_kwh, energy_mwh)

    @staticmethod
    def charge_fee(account: "Account", millionths: int) -> int:
        """Charge a fee. Return the micro-units charged."""
        return account.spend_fee(millionths)

    @staticmethod
    def supply_reason(account: "Account", _circumstances: "Circumstances") -> int:
        """Return ON while there is money, or emergency credit that was accepted."""
        return _reason_of_balance(account, account.money.balance)

    @staticmethod
    def emergency_limit(account: "Account") -> int:
        """Return micro-units."""
        return account.terms["emergency_microunits"]

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Return micro-units."""
        return account.money.balance


class PrepaidEnergy(Contract):
    """Prepaid kWh in the meter. Tariff prices have no effect; energy is still registered per rate."""

    code = 2
    name = "prepaid-energy"
    unit = ENERGY
    credit_unit = ENERGY
    emergency_name = "emergency_energy"

    @staticmethod
    def charge_energy(account: "Account", _price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Charge the energy to the energy register. Charge no money."""
        account.energy.spend(energy_mwh)
        return 0

    @staticmethod
    def supply_reason(account: "Account", _circumstances: "Circumstances") -> int:
        """Return ON while there is energy, or emergency credit that was accepted."""
        return _reason_of_balance(account, account.energy.balance)

    @staticmethod
    def emergency_limit(account: "Account") -> int:
        """Return mWh."""
        return account.terms["emergency_mwh"]

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Return mWh."""
        return account.energy.balance


class Term(Contract):
    """Prepaid days. Energy is free and registered per rate.

    The meter's own time counts, which never goes back by itself. A meter whose clock stopped continues from the time
    that `clock_rules` gives. In that case the term lasts longer by the outage, in the customer's favour, and the clock
    alarm reports it.
    """

    code = 3
    name = "term"
    unit = TIME

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """Return ON up to the second in which the term ends."""
        return supply.ON if circumstances.now_s < account.standing["term_until_s"] else supply.EXPIRED

    @staticmethod
    def until_s(account: "Account") -> int:
        """Return the end of the prepaid term."""
        return account.standing["term_until_s"]


class Dispenser(PrepaidEnergy):
    """Prepaid kWh with a daily maximum and days of validity."""

    code = 4
    name = "dispenser"
    emergency_name = None

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """Return ON while the contract is valid, its kWh last, and the local day is below its maximum."""
        if circumstances.now_s >= account.standing["dispenser_until_s"]:
            return supply.EXPIRED
        if account.energy.balance <= 0:
            return supply.NO_CREDIT
        daily_limit_mwh = account.terms["daily_limit_mwh"]
        return supply.DAILY_LIMIT if daily_limit_mwh and account.day_mwh >= daily_limit_mwh else supply.ON

    @staticmethod
    def emergency_limit(_account: "Account") -> int:
        """Return 0: an expired contract gets no emergency credit."""
        return 0

    @staticmethod
    def until_s(account: "Account") -> int:
        """Return the end of its validity."""
        return account.standing["dispenser_until_s"]


class KeyCard(Contract):
    """Money on the card in the slot. Its free allowance is used first, then energy is charged at its price.

    Each charge is bought from the card in the same moment, so that the money in the meter stays the same. Energy that
    flows without a card is charged to the money in the meter, by the tariff.
    """

    code = 5
    name = "key-card"
    can_owe = False  # a customer would throw away a card that owes money

    @staticmethod
    def price(account: "Account") -> tuple:
        """Return the card's price. Return the tariff's price if the card says so, or if no card pays."""
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
        """Charge the energy to the card's allowance, or note its price as owed by the card."""
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
        """Return ON while a usable card is in the slot that has money or needs none."""
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
        """Return the balance of the card in the slot, and 0 without a card."""
        return account.cards.balance if account.standing["card_in"] else 0

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Return micro-units. Return None without a card, and for a card that pays nothing."""
        return account.cards.balance if account.standing["card_in"] and account.cards.price else None


class Managed(Contract):
    """A head-end keeps the account and orders the switch. Its permit ends if the head-end falls silent."""

    code = 6
    name = "managed"
    unit = TIME

    @staticmethod
    def supply_reason(account: "Account", circumstances: "Circumstances") -> int:
        """Return ON while the permit lasts. `supply` obeys an order to open under every contract."""
        return supply.ON if circumstances.now_s < account.standing["permit_until_s"] else supply.EXPIRED

    @staticmethod
    def until_s(account: "Account") -> int:
        """Return the end of the permit."""
        return account.standing["permit_until_s"]


class SettledAccount(PrepaidMoney):
    """An account settled later. Supply never ends for money; a prepayment is a deposit, and a statement is the bill."""

    code = 7
    name = "account"
    charges_demand = True
    emergency_name = None

    @staticmethod
    def supply_reason(_account: "Account", _circumstances: "Circumstances") -> int:
        """Return ON always."""
        return supply.ON

    @staticmethod
    def emergency_limit(_account: "Account") -> int:
        """Return 0: supply has no end that emergency credit could delay."""
        return 0

    @staticmethod
    def credit_left(account: "Account") -> int | None:
        """Return the unused micro-units of deposit and limit. Return None if there is no limit."""
        limit = account.terms["account_limit_microunits"]
        return limit + account.money.balance if limit else None


CONTRACTS = (PrepaidMoney, PrepaidEnergy, Term, Dispenser, KeyCard, Managed, SettledAccount)


def by_code(code: int) -> type[Contract]:
    """Return the contract with that code. Raise ValueError for an unknown code."""
    for contract in CONTRACTS:
        if contract.code == code:
            return contract
    raise ValueError(f"no contract {code}")


def by_name(name: str) -> type[Contract]:
    """Return the contract of that name. Raise ValueError with all names for an unknown name."""
    for contract in CONTRACTS:
        if contract.name == name:
            return contract
    raise ValueError("no contract '" + name + "'; there are: " + ", ".join(one.name for one in CONTRACTS))


def _reason_of_balance(account: "Account", balance: int) -> int:
    """Return ON while the balance is above zero, or above the floor of accepted emergency credit."""
    return supply.ON if balance > 0 or balance > account.emergency_floor() else supply.NO_CREDIT
