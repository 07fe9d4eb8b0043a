"""How supply is paid for: each contract answers what energy costs, whether supply may be on, and what credit there is.

A contract holds nothing itself: it reads the `account` it is handed and spends from its purses, so that
bought = charged + balance holds in both of them whatever the contract.
"""

from wattpurse.core import supply

MONEY = 0
ENERGY = 1


class PrepaidMoney:
    """Money in the meter, charged by tariff; supply ends when it is spent."""

    code = 1
    name = "prepaid-money"
    unit = MONEY

    @staticmethod
    def charge_energy(account, price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Charge energy at one price; give back the micro-units charged."""
        return account.spend_price(price_microunits_per_kwh, energy_mwh)

    @staticmethod
    def charge_days(account, days: int) -> int:
        """Charge the standing charge of `days` local days; give back the micro-units charged."""
        return account.spend_money(days * account.tariff.standing_charge_microunits)

    @staticmethod
    def supply_reason(account) -> int:
        """supply.ON or the reason why supply may not be on."""
        return supply.ON if account.money.balance > 0 else supply.NO_CREDIT

    @staticmethod
    def is_low(account) -> bool:
        """True when credit is worth a warning."""
        return account.money.balance <= account.terms["low_credit_microunits"]


class PrepaidEnergy:
    """Energy in the meter, bought as kWh; tariff prices do not matter, rates are registered all the same."""

    code = 2
    name = "prepaid-energy"
    unit = ENERGY

    @staticmethod
    def charge_energy(account, _price_microunits_per_kwh: int, energy_mwh: int) -> int:
        """Take the energy from the energy credit; no money is charged."""
        account.energy.spend(energy_mwh)
        return 0

    @staticmethod
    def charge_days(_account, _days: int) -> int:
        """Days cost nothing: the price of a kWh was paid where it was bought."""
        return 0

    @staticmethod
    def supply_reason(account) -> int:
        """supply.ON or the reason why supply may not be on."""
        return supply.ON if account.energy.balance > 0 else supply.NO_CREDIT

    @staticmethod
    def is_low(account) -> bool:
        """True when credit is worth a warning."""
        return account.energy.balance <= account.terms["low_credit_mwh"]


CONTRACTS = (PrepaidMoney, PrepaidEnergy)


def by_code(code: int):
    """The contract with that code. Raises ValueError for an unknown one."""
    for contract in CONTRACTS:
        if contract.code == code:
            return contract
    raise ValueError(f"no contract {code}")


def by_name(name: str):
    """The contract of that name. Raises ValueError, naming those there are, for an unknown one."""
    for contract in CONTRACTS:
        if contract.name == name:
            return contract
    raise ValueError("no contract '" + name + "'; there are: " + ", ".join(one.name for one in CONTRACTS))
