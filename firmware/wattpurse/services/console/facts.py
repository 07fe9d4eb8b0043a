"""Facts of the console's reports, for programs: one dict for each report, of numbers, words, lists and None.

Energy is in mWh, money in micro-units, times in seconds since 1970 UTC (`..._s`) and, beside them, as local text. Long
work is a coroutine, in which other tasks get their turns.
"""

import asyncio
import sys

from wattpurse.core.guards import tamper
from wattpurse.core.messages import statement
from wattpurse.core.money import contract, supply
from wattpurse.core.seals.cmac import BLOCK, cmac
from wattpurse.core.tariffs import table
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.tariffs.rules import PER_KWH
from wattpurse.core.text import month_text, time_text
from wattpurse.services.console import standing, wiring
from wattpurse.stores import identification_of

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.core.money.account import Account, CreditRegister
    from wattpurse.core.records.load_profile import Demand

_FINGERPRINT_DIGITS = 4


def account_of(meter: "Meter") -> "Account":
    """Return the account that the meter works with. Raises ValueError with the reason if there is none."""
    if meter.fault != supply.ON or meter.ledger.account is None:
        raise ValueError(f"there is no account to work with: {supply.text(meter.fault)}")
    return meter.ledger.account


def zone_of(meter: "Meter") -> Zone:
    """Return the tariff's zone, or UTC if there is no tariff."""
    account = meter.ledger.account
    return account.tariff.zone if account is not None else Zone(0)


def status(meter: "Meter", _arguments: list) -> dict:
    """Return the state of the meter. Without an account, fewer facts."""
    reason = meter.decide()
    facts = clock(meter, [])
    facts["meter_number"] = meter.settings.get("meter_number")
    facts["supply"] = supply.text(reason)
    facts["supply_reason"] = reason
    facts["load_switch"] = meter.switching.position
    identification = identification_of(meter.board.flash)
    facts["flash_chip"] = f"{identification:06X}" if identification else "unknown"
    facts["bluetooth"] = _bluetooth(meter)
    account = meter.ledger.account
    if meter.fault == supply.ON and account is not None:
        facts["contract"] = account.contract.name
        facts.update(standing.facts_of(meter, account))
        facts["rate"] = account.tariff.rate_names[account.rate]
        facts["tariff_version"] = account.tariff.version
        facts["total_mwh"] = account.registers.total_mwh
        facts["month_mwh"] = account.registers.month.total_mwh
        facts["power_w"] = meter.supply_watch.power_w
        if meter.clamps is not None:
            facts.update(wiring.clamps(meter, []))
        facts["power_trips"] = meter.supply_watch.limit.trips
        facts["restoring_s"] = meter.supply_watch.restoring_s
        facts["test_s"] = meter.supply_watch.test_s
        facts["open_again"] = meter.supply_watch.open_load.retries
        closed_load = meter.supply_watch.closed_load
        facts["closed_again"] = 0 if closed_load.is_proven else closed_load.retries
        facts["tamper"] = tamper.texts(meter.guard.latched)
        facts["alarms"] = _alarms(meter)
        facts.update(_credit_registers(account))
    return facts


def registers(meter: "Meter", _arguments: list) -> dict:
    """Return the registers that never go back, and the amounts bought and charged since the meter was made."""
    account = account_of(meter)
    total_mwh, month_mwh = account.registers.rate_mwh, account.registers.month.rate_mwh
    facts = {
        "total_mwh": account.registers.total_mwh,
        "pulses": account.pulses_total,
        "rates": [
            {"name": name, "total_mwh": total_mwh[rate], "month_mwh": month_mwh[rate]}
            for rate, name in enumerate(_rate_names(account))
        ],
        "levies": [
            {"name": name, "total_microunits": one.microunits, "month_microunits": one.month_microunits}
            for name, one in zip(account.levy_names(), account.levies.sums)
        ],
        "token_top": account.tokens.top(),
    }
    facts.update(_credit_registers(account))
    if meter.clamps is not None:
        facts["legs"] = wiring.leg_energies(meter)
    return facts


def months(meter: "Meter", _arguments: list) -> dict:
    """Return the current month and the closed ones, newest first."""
    account = account_of(meter)
    every = [account.registers.month] + account.registers.closed_months
    names = _rate_names(account)
    demands = {one.month: one for one in meter.load_profile.demands()}
    return {
        "currency": account.tariff.currency.code,
        "rates": names,
        "months": [
            {
                "month": month_text(month.index),
                "closed": month is not account.registers.month,
                "rate_mwh": month.rate_mwh[: len(names)],
                "total_mwh": month.total_mwh,
                "charge_microunits": month.charge_microunits,
                "demand": demand_of(demands.get(month.index), account.tariff.zone),
            }
            for month in every
        ],
    }


def demand_of(demand: "Demand | None", zone: Zone) -> dict | None:
    """Return a month's maximum demand: energy of the half hour, its mean power, and the time of its begin."""
    if demand is None:
        return None
    return {
        "month": month_text(demand.month),
        "energy_mwh": demand.energy_mwh,
        "power_w": demand.power_w,
        "start_s": demand.start_s,
        "start": time_text(demand.start_s, zone),
    }


async def tariff(meter: "Meter", _arguments: list) -> dict:
    """Return the table in force and the pending one."""
    account = account_of(meter)
    in_force, pending = account.tariff, account.pending_tariff
    return {
        "rate_now": in_force.rate_names[account.rate],
        "in_force": await _table(in_force.data),
        "pending": await _table(pending.data) if pending is not None else None,
    }


def contract_in_force(meter: "Meter", _arguments: list) -> dict:
    """Return the contract in force and both credit registers."""
    account = account_of(meter)
    facts = {
        "contract": account.contract.name,
        "contracts": [one.name for one in contract.CONTRACTS],
        "credit_limit": account.credit_limit(account.contract.credit_unit),
        "unit": "money" if account.contract.credit_unit == contract.MONEY else "energy",
    }
    facts.update(standing.facts_of(meter, account))
    facts.update(_credit_registers(account))
    return facts


def clock(meter: "Meter", _arguments: list) -> dict:
    """Return the meter's time and whether it can be trusted."""
    now_s = meter.timekeeper.now_s()
    zone = zone_of(meter)
    return {
        "time_s": now_s,
        "time": time_text(now_s, zone),
        "offset_s": zone.offset_s(now_s),
        "trusted": meter.timekeeper.trusted,
    }


def identity(meter: "Meter", _arguments: list) -> dict:
    """Return the meter's number, its board, its card reader and its calibration."""
    account = meter.ledger.account
    reader_version = meter.board.reader.version
    return {
        "meter_number": meter.settings.get("meter_number"),
        "board": meter.board.name,
        "unique_id": meter.board.unique_id.hex(),
        "reader_version": None if reader_version is None else f"{reader_version:02X}",
        "version": meter.version,
        "impulses": account.impulses if account is not None else None,
        "per_kwh": account.impulses_per_kwh_divisor if account is not None else None,
        "commissioned": meter.fault == supply.ON,
    }


def version(meter: "Meter", _arguments: list) -> dict:
    """Return the versions of firmware and interpreter."""
    python = sys.implementation
    return {
        "version": meter.version,
        "board": meter.board.name,
        "python": python.name + " " + ".".join(str(part) for part in python.version[:3]),
    }


def keys(meter: "Meter", _arguments: list) -> dict:
    """Return the meter's keys, as fingerprints alone."""
    settings = meter.settings
    return {
        "key_version": settings.get("key_version", 0),
        "meter_key": fingerprint(meter, settings.get("meter_key")),
        "site_key": fingerprint(meter, settings.get("site_key")),
    }


def fingerprint(meter: "Meter", key: bytes | None) -> str | None:
    """Return the first digits of the CMAC of zeros: enough to tell two keys apart, not enough to find a key."""
    if key is None:
        return None
    return cmac(meter.board.aes, key, bytes(BLOCK)).hex()[:_FINGERPRINT_DIGITS]


def _credit_registers(account: "Account") -> dict:
    return {
        "currency": account.tariff.currency.code,
        "decimals": account.tariff.currency.decimals,
        "money_microunits": _credit_register(account.money),
        "energy_mwh": _credit_register(account.energy),
    }


def _credit_register(register: "CreditRegister") -> dict:
    return {
        "bought": register.bought,
        "charged": register.charged,
        "taken_out": register.taken,
        "waived": register.waived,
        "balance": register.balance,
    }


def _bluetooth(meter: "Meter") -> str | None:
    """Return the state of Bluetooth in words, or None if it was never turned on."""
    if not meter.settings.get("bluetooth", 0):
        return None
    return "on, a customer is connected" if meter.bluetooth is not None and meter.bluetooth.is_connected else "on"


def _alarms(meter: "Meter") -> list:
    bits = meter.statements.alarms()
    return [text for bit, text in statement.ALARM_TEXTS if bits & bit]


def _rate_names(account: "Account") -> list:
    """Return the names of the registers: those of the tariff's rates, and then those that only earlier tariffs had."""
    return list(account.tariff.rate_names) + account.registers.former_names


async def _table(data: bytes) -> dict:
    """Return the fields of a table by name, with the zone as two fields of its own."""
    fields = table.decode(data)
    await asyncio.sleep(0)
    zone = fields["zone"]
    return {
        "version": fields["version"],
        "activation_s": fields["activation_s"],
        "activation": time_text(fields["activation_s"], zone),
        "currency": fields["currency"],
        "decimals": fields["decimals"],
        "customer_class": fields["customer_class"],
        "offset_minutes": zone.offset_minutes,
        "daylight_minutes": zone.shift_minutes if zone.start is not None else 0,
        "zone_changes": len(zone.changes) // 2,
        "standing_charge_microunits": fields["standing_charge_microunits"],
        "allowance_mwh": fields["allowance_mwh"],
        "month_charge_microunits": fields["month_charge_microunits"],
        "minimum_microunits": fields["minimum_microunits"],
        "demand_microunits_per_kw": fields["demand_microunits_per_kw"],
        "blocks_of_total": fields["blocks_of_total"],
        "blocks_by_day": fields["blocks_by_day"],
        "free_in_blocks": fields["free_in_blocks"],
        "levies": [
            {"name": name, "per_kwh_microunits" if kind == PER_KWH else "permyriad": value}
            for name, kind, value in fields["levies"]
        ],
        "rates": [
            {"name": name, "prices_microunits": list(prices), "block_limits_mwh": list(limits_mwh)}
            for name, prices, limits_mwh in fields["rates"]
        ],
        "day_types": [[list(switch) for switch in day_type] for day_type in fields["day_types"]],
        "seasons": [{"month": month, "day": day, "day_types": list(kinds)} for month, day, kinds in fields["seasons"]],
        "holidays": [list(holiday) for holiday in fields["holidays"]],
    }
