"""The account of a meter: its energy and money, and the only rules by which they change.

An account is pure. Its methods take pulses, credit and time. It keeps energy registers, the two credit registers and
the redeemed tokens. It has no storage: `account_image` packs its state, and the ledger writes every change to flash
before it makes the change here.

Energy is mWh, money micro-units, price micro-units per kWh, time UTC seconds. Fractions are never dropped: the fraction
of a mWh left by a pulse, and the fraction of a micro-unit left by a charge, is carried to the next one.
"""

from wattpurse.core.money import contract as contracts
from wattpurse.core.money import credit_rules
from wattpurse.core.money.known_cards import KnownCards
from wattpurse.core.money.levies import CHARGE_PARTS, MWH_PER_KWH, LevySums, price_in_parts
from wattpurse.core.money.registers import RATES, Registers
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, Standing
from wattpurse.core.money.terms import Terms
from wattpurse.core.money.token_windows import TokenWindows
from wattpurse.core.money.voided_tokens import VoidedTokens
from wattpurse.core.tariffs.calendar import HALF_HOUR_S, civil_from_days, month_index
from wattpurse.core.tariffs.rules import WHOLE_PERCENT
from wattpurse.core.tariffs.tariff import ALLOWANCE_BLOCK, Tariff

KWH_PER_PULSE_LIMIT = 10

_COUNT_LIMIT = 1 << 62
_ENERGY_LIMIT = 1 << 47
_DAYS_ASTRAY = 3660  # limit of a leap of the clock: days are entered one by one, and more would take too long
WHOLE_TAX = WHOLE_PERCENT

# The fees of a tariff beside its energy.
DAY_FEE = 0
MONTH_FEE = 1
DEMAND_FEE = 2
MINIMUM_FEE = 3
_NOT_COUNTED = -1
WHOLE_FEE = 1_000_000  # a day or a month, in millionths


class CreditRegister:
    """One kind of credit, as four sums that only grow.

    `bought` is the credit of all tokens. `charged` is the credit used. `taken` is the credit that receipts took out of
    the meter. `waived` is the credit below zero that receipts took over. The balance follows from the four.
    """

    def __init__(self, bought: int = 0, charged: int = 0, taken: int = 0, waived: int = 0) -> None:
        self.bought = bought
        self.charged = charged
        self.taken = taken
        self.waived = waived

    @property
    def balance(self) -> int:
        """Credit left; below zero if more was used than bought."""
        return self.bought - self.charged - self.taken + self.waived

    def sums(self) -> tuple:
        """Return bought, charged, taken and waived."""
        return self.bought, self.charged, self.taken, self.waived

    def take_out(self, amount: int) -> int:
        """Take credit out of the meter. A negative amount takes over credit below zero. Return the amount."""
        if amount < 0:
            self.waived -= amount
        else:
            self.taken += amount
        return amount

    def has_room(self, amount: int) -> bool:
        """Return True if `amount` more can be bought and the account stays plausible."""
        return -_COUNT_LIMIT < self.bought + amount < _COUNT_LIMIT

    def spend(self, amount: int) -> int:
        """Charge `amount`. Return it."""
        self.charged += amount
        return amount


class Account:
    """The state of one meter. A new account takes a tariff, the calibration, a contract and the time."""

    def __init__(
        self,
        tariff_data: bytes,
        impulses: int,
        per_kwh: int,
        contract: "type[contracts.Contract]",
        time_s: int,
    ) -> None:
        self.tariff = Tariff(tariff_data)
        self.pending_tariff = None
        self.contract = contract
        self.terms = Terms()
        self.standing = Standing()
        self.money = CreditRegister()
        self.energy = CreditRegister()
        self.cards = KnownCards()
        self.pulses_total = 0
        self.tokens = TokenWindows()
        self.voided = VoidedTokens()
        self.time_s = time_s
        self.energy_remainder = 0
        self.charge_remainder = 0
        self.day_mwh = 0
        self.calibrate(impulses, per_kwh)
        self.enter_context()
        self.day = self.tariff.zone.day(time_s)
        self.charged_day = self.day
        self.registers = Registers(month_index(self.day))
        self.levies = LevySums(len(self.tariff.levies))
        self.begin_half_hour()

    def calibrate(self, impulses: int, per_kwh: int) -> None:
        """Set the calibration: from now on `impulses` pulses are `per_kwh` kWh.

        Raise ValueError unless both are 1 to 1,000,000,000, and if a pulse would be more than 10 kWh. In that case the
        two were exchanged, and a few pulses would overflow the registers.

        The carried fraction of a mWh, less than one, is lost with the old calibration.
        """
        if not (1 <= impulses <= 10**9 and 1 <= per_kwh <= 10**9):
            raise ValueError("impulses and kWh must both be from 1 to 1,000,000,000")
        if per_kwh > KWH_PER_PULSE_LIMIT * impulses:
            raise ValueError(f"a pulse of more than {KWH_PER_PULSE_LIMIT} kWh: impulses come first, then kWh")
        self.impulses = impulses
        self.impulses_per_kwh_divisor = per_kwh
        self.energy_remainder = 0

    def count_pulses(self, pulses: int) -> None:
        """Turn pulses into energy and charge it at the rate in force."""
        self.pulses_total += pulses
        energy = self.energy_remainder + pulses * MWH_PER_KWH * self.impulses_per_kwh_divisor
        self.energy_remainder = energy % self.impulses
        self.consume(energy // self.impulses)

    def consume(self, energy_mwh: int) -> None:
        """Register and charge energy at the rate in force. Split it at the end of a block or of the free allowance."""
        while energy_mwh:
            block, price, room_mwh = self.contract.price(self)
            part_mwh = energy_mwh if room_mwh is None else min(energy_mwh, room_mwh)
            self._charge_part(block, price, part_mwh)
            energy_mwh -= part_mwh
        credit_rules.note_balance(self)

    def _charge_part(self, block: int, price: int, energy_mwh: int) -> int:
        """Charge and register energy of one price. Return the micro-units charged."""
        charge = self.contract.charge_energy(self, price, energy_mwh)
        self.day_mwh += energy_mwh
        self.registers.add_energy(self.rate, energy_mwh)
        self.registers.add_charge(charge)
        if self.tariff.counts_blocks and (block != ALLOWANCE_BLOCK or self.tariff.free_in_blocks):
            self.registers.block_mwh[self.rate] += energy_mwh
        return charge

    def spend_price(self, price: int, energy_mwh: int) -> int:
        """Charge the price of energy, with tax and levies, to the money register. Return the micro-units charged."""
        charge = self._spend_parts(energy_mwh * price)
        if price and self.tariff.levies:
            charge += self._spend_levies(energy_mwh * price, energy_mwh)
        return charge

    def spend_fee(self, millionths: int) -> int:
        """Charge a fee in millionths of a micro-unit, with tax and levies. Return the micro-units charged."""
        charge = self._spend_parts(millionths)
        if self.tariff.levies:
            charge += self._spend_levies(millionths, 0)
        return charge

    def _spend_levies(self, millionths: int, energy_mwh: int) -> int:
        return self.money.spend(self.levies.charge(self.tariff.levies, millionths, energy_mwh))

    def _spend_parts(self, millionths: int) -> int:
        """Round the charge: calculate the exact amount due, tax included, and charge only whole micro-units.

        The fraction is carried to the next charge, so that the sum of all charges is the sum of all amounts due,
        rounded down once.
        """
        exact = self.charge_remainder + millionths * (WHOLE_TAX + self.terms["tax_permyriad"])
        self.charge_remainder = exact % CHARGE_PARTS
        return self.money.spend(exact // CHARGE_PARTS)

    def taxed_price(self) -> int:
        """Return the price of the next energy in micro-units per kWh, tax and levies included, to the nearest."""
        price = self.contract.price(self)[1]
        taxed = price * (WHOLE_TAX + self.terms["tax_permyriad"]) + price_in_parts(self.tariff.levies, price)
        return (taxed + WHOLE_TAX // 2) // WHOLE_TAX

    def credit_balance(self) -> int:
        """Return the credit left under this contract: micro-units or mWh, and 0 for a contract of time."""
        return self.contract.credit_balance(self)

    def emergency_floor(self) -> int:
        """Return the balance at which supply ends: zero, or below zero once emergency credit was accepted."""
        if self.contract.emergency(self) != EMERGENCY_ACCEPTED:
            return 0
        return -self.contract.emergency_limit(self)

    def credit_register(self, unit: int) -> CreditRegister:
        """Return the register of `unit`: contract.MONEY or contract.ENERGY. Raise ValueError for any other unit."""
        if unit == contracts.MONEY:
            return self.money
        if unit == contracts.ENERGY:
            return self.energy
        raise ValueError(f"no unit {unit}")

    def credit_limit(self, unit: int) -> int:
        """Return the highest balance allowed after a top-up; terms.NO_LIMIT is no limit."""
        return self.terms["credit_limit_microunits" if unit == contracts.MONEY else "credit_limit_mwh"]

    def token_is_used(self, sequence: int) -> bool:
        """Return True if the token was redeemed, or is too old to know."""
        return self.tokens.is_used(sequence)

    def remembers_token(self, sequence: int) -> bool:
        """Return True if the token was redeemed for certain: it is used, and not merely too old to know."""
        return self.tokens.remembers(sequence)

    def mark_token(self, sequence: int) -> None:
        """Note a token as redeemed. Raise ValueError if it already is."""
        self.tokens.mark(sequence)

    def is_newer_tariff(self, tariff: Tariff) -> bool:
        """Return True if `tariff` may follow the tariff in force and the pending tariff: versions only go up."""
        pending_version = self.pending_tariff.version if self.pending_tariff else 0
        return tariff.version > max(self.tariff.version, pending_version)

    def check_tariff(self, tariff: Tariff) -> None:
        """Raise ValueError if `tariff` may not follow here: it would lose a register, or charges demand."""
        check_demand(tariff, self.contract)
        self.registers.check_next(self.tariff.rate_names, tariff.rate_names)
        self.levies.check_next(_levy_names(self.tariff), _levy_names(tariff))

    def check_contract(self, contract: "type[contracts.Contract]") -> None:
        """Raise ValueError if the tariff, or the pending one, does not suit `contract`."""
        check_demand(self.tariff, contract)
        if self.pending_tariff is not None:
            check_demand(self.pending_tariff, contract)

    def enter_day(self, day: int) -> None:
        """Advance to local day `day`. Each day costs its standing charge once, in its own month.

        A daily share begins with a day that is later than every day before it.
        """
        while self.day < day:
            self.day += 1
            is_new = self.day > self.charged_day
            if month_index(self.day) > self.registers.month.index:
                self._end_month(self.day, is_new)
            self.cards.enter_day(self.day)
            if is_new:
                self.charged_day = self.day
                self.standing.set("share_day", 0)
                self._begin_share()
                self._charge_day()
            elif 0 < self.standing["share_day"] < self.day:
                self.standing.set("share_day", self.day)
                self._begin_share()

    def _begin_share(self) -> None:
        self.day_mwh = 0
        if self.tariff.blocks_by_day:
            self.registers.begin_blocks()

    def _end_month(self, day: int, is_new: bool) -> None:
        """End the month before `day`. Charge its end unless the day was charged before the clock went back."""
        if is_new:
            self._close_month()
        self.registers.enter_month(month_index(day))
        self.levies.enter_month()
        self.standing.set("demand_mwh", 0)
        if not self.tariff.blocks_by_day:
            self.registers.begin_blocks()

    def _pays_fees(self) -> bool:
        """Return False while the terms spare a customer who is cut off the standing charge."""
        return bool(self.terms["standing_charge_while_off"] or not self.standing["cut_off"])

    def _charge_day(self) -> None:
        """Charge one day: its standing charge, the fixed charge of a month that begins, and its part of a debt."""
        if self._pays_fees():
            if civil_from_days(self.day)[2] == 1:
                self._charge_fee(MONTH_FEE, WHOLE_FEE, self.tariff.month_charge_microunits)
            self._charge_fee(DAY_FEE, WHOLE_FEE, self.tariff.standing_charge_microunits)
        credit_rules.take_daily_debt(self)
        credit_rules.note_balance(self)

    def _close_month(self) -> None:
        """Charge the amounts of the month that ends: its maximum demand, and the rest up to the minimum charge."""
        if not self._pays_fees():
            return
        if self.contract.charges_demand:
            power_mw = self.standing["demand_mwh"] * 2  # the mean of half an hour
            self._charge_fee(DEMAND_FEE, power_mw, self.tariff.demand_microunits_per_kw)
        if self.tariff.minimum_microunits and self._owes_minimum():
            self._charge_fee(MINIMUM_FEE, WHOLE_FEE, self._rest_of_minimum())

    def _rest_of_minimum(self) -> int:
        """Return the rest of the minimum charge in micro-units without tax. Levies do not count towards it."""
        charged = self.registers.month.charge_microunits - self.levies.month_microunits
        return max(0, self.tariff.minimum_microunits - charged * WHOLE_TAX // (WHOLE_TAX + self.terms["tax_permyriad"]))

    def _owes_minimum(self) -> bool:
        """Return False in the month in which the meter was installed, and in a later month that began elsewhere."""
        return bool(self.registers.closed_months)

    def _charge_fee(self, _fee: int, quantity_millionths: int, price: int) -> None:
        """Charge a fee: a price in micro-units for a quantity of days, months or kW, in millionths of one."""
        if price and quantity_millionths:
            self.registers.add_charge(self.contract.charge_fee(self, quantity_millionths * price))

    def pass_to(self, time_s: int) -> None:
        """Advance to `time_s` without energy: enter each day on the way, and the tariff that takes over on it."""
        self.note_demand(time_s)
        pending = self.pending_tariff
        if pending is not None and pending.activation_s <= time_s:
            if self.time_s < pending.activation_s:
                self.enter_day(self.tariff.zone.day(pending.activation_s - 1))
                self.time_s = pending.activation_s
            self.activate_pending()
        self.time_s = time_s
        self.enter_day(self.tariff.zone.day(time_s))
        self.enter_context()
        self.begin_half_hour()

    def activate_pending(self) -> None:
        """Activate the pending tariff. If a day begins at this second, it belongs to the new tariff.

        If a month ends at this second, it ends by the old one. Registers and sums go with the names of their rates and
        levies.
        """
        former, tariff = self.tariff, self.pending_tariff
        day = tariff.zone.day(self.time_s)
        if month_index(day) > self.registers.month.index:
            self._end_month(day, day > self.charged_day)
        self.registers.enter_tariff(former.rate_names, tariff.rate_names)
        self.levies.enter_tariff(_levy_names(former), _levy_names(tariff))
        self.registers.enter_blocks(former, tariff)
        if not former.demand_microunits_per_kw:
            self.half_hour = _NOT_COUNTED
        self.tariff = tariff
        self.pending_tariff = None
        self.enter_day(day)

    def begin_half_hour(self, pulses: int = 0) -> None:
        """Count the energy of a half hour from now on, for the maximum demand. `pulses` before it wait."""
        self.half_hour = self.time_s // HALF_HOUR_S
        self.half_hour_from_mwh = self._total_with_mwh(pulses)

    def demand_of(self, time_s: int, pulses: int = 0) -> int:
        """Return the energy of the half hour that ended by `time_s`, if it has the most of the month so far.

        Return 0 if it has not, if none ended, and under a tariff that does not ask. `pulses` wait to be counted.
        """
        if not self.tariff.demand_microunits_per_kw or time_s // HALF_HOUR_S <= self.half_hour:
            return 0
        demand_mwh = self._total_with_mwh(pulses) - self.half_hour_from_mwh
        return demand_mwh if demand_mwh > self.standing["demand_mwh"] else 0

    def _total_with_mwh(self, pulses: int) -> int:
        """Return the total energy after `pulses` that wait to be counted."""
        waiting = self.energy_remainder + pulses * MWH_PER_KWH * self.impulses_per_kwh_divisor
        return self.registers.total_mwh + waiting // self.impulses

    def enter_half_hour(self, pulses: int = 0) -> None:
        """Begin a half hour if the tariff asks for its energy and `time_s` is in a new one. `pulses` wait."""
        if self.tariff.demand_microunits_per_kw and self.time_s // HALF_HOUR_S > self.half_hour:
            self.begin_half_hour(pulses)

    def note_demand(self, time_s: int) -> None:
        """Note the demand of a half hour that ended by `time_s`."""
        demand_mwh = self.demand_of(time_s)
        if demand_mwh:
            self.standing.set("demand_mwh", demand_mwh)

    def levy_names(self) -> list:
        """Return the names of the sums of `levies`: those of the tariff in force, then those of earlier tariffs."""
        return _levy_names(self.tariff) + self.levies.former_names

    def enter_context(self) -> None:
        """Take the rate in force at `time_s`, and note the next time at which it may change."""
        self.rate = self.tariff.rate_at(self.time_s)
        self.note_next_change()

    def note_next_change(self) -> None:
        """Find `change_s`: the next second at which rate, day or tariff may change."""
        self.change_s = self.tariff.next_change_s(self.time_s)
        if self.tariff.demand_microunits_per_kw:
            self.change_s = min(self.change_s, (self.time_s // HALF_HOUR_S + 1) * HALF_HOUR_S)
        if self.pending_tariff is not None:
            self.change_s = min(self.change_s, max(self.pending_tariff.activation_s, self.time_s + 1))

    def is_plausible(self) -> bool:
        """Return True if a meter can have reached this state.

        In any other state the account's arithmetic could fail or never end.
        """
        amounts = self.money.sums() + self.energy.sums()
        return (
            self.rate < self.tariff.rate_count
            and self.energy_remainder < self.impulses
            and self.charge_remainder < CHARGE_PARTS
            and self.day_mwh < _ENERGY_LIMIT
            and abs(self.day - self.tariff.zone.day(self.time_s)) <= _DAYS_ASTRAY
            and self.day <= self.charged_day
            and self.pulses_total < _COUNT_LIMIT
            and max(self.registers.rate_mwh + self.registers.month.rate_mwh) < _ENERGY_LIMIT
            and max(amounts) < _COUNT_LIMIT
            and min(amounts) >= 0
            and self.cards.is_plausible()
            and self.tariff.rate_count + len(self.registers.former_names) <= RATES
            and max(self.registers.block_mwh) < _ENERGY_LIMIT
            and self.levies.is_plausible(len(self.tariff.levies))
        )


def check_demand(tariff: Tariff, contract: "type[contracts.Contract]") -> None:
    """Raise ValueError if the tariff charges maximum demand and the contract cannot."""
    if tariff.demand_microunits_per_kw and not contract.charges_demand:
        raise ValueError(
            "the tariff charges the month's maximum demand, which is known only at the end of the month: "
            f"the contract '{contract.name}' cannot charge it; use 'account', or a tariff without it"
        )


def _levy_names(tariff: Tariff) -> list:
    return [name for name, _, _ in tariff.levies]
