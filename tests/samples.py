"""Sample tables and accounts that several tests start from."""

from wattpurse.core.money import contract as contracts
from wattpurse.core.money.account import Account
from wattpurse.core.tariffs import rules, table
from wattpurse.core.tariffs.calendar import Zone, days_from_civil

NEW_YEAR_S = days_from_civil(2026, 1, 1) * 86_400
KWH = 1_000_000


def flat_fields() -> dict:
    """Return a tariff of 0.25 per kWh at all times, UTC, nothing else."""
    fields = {
        "version": 1,
        "activation_s": NEW_YEAR_S,
        "currency": "EUR",
        "decimals": 2,
        "customer_class": 0,
        "zone": Zone(0),
        "standing_charge_microunits": 0,
        "allowance_mwh": 0,
        "rates": (("ALL", (250_000,), ()),),
        "day_types": (((0, 0),),),
        "seasons": ((1, 1, (0,) * 8),),
        "holidays": (),
    }
    fields.update(rules.NO_FURTHER_CHARGES)
    return fields


def day_and_night_fields() -> dict:
    """Return two rates, blocks, a standing charge, an allowance, and the daylight rule of the European Union at
    UTC+1.
    """
    fields = flat_fields()
    fields.update(
        {
            "version": 2,
            "zone": Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True),
            "standing_charge_microunits": 330_001,
            "allowance_mwh": 3 * KWH,
            "rates": (("NIGHT", (218_509,), ()), ("DAY", (312_517, 398_003), (20 * KWH,))),
            "day_types": (((0, 0), (6 * 60, 1), (22 * 60, 0)),),
        }
    )
    return fields


def flat_tariff(**changed) -> bytes:
    """Return the flat tariff as a table, with fields changed."""
    fields = flat_fields()
    fields.update(changed)
    return table.encode(fields)


def day_and_night_tariff(**changed) -> bytes:
    """Return the day and night tariff as a table, with fields changed."""
    fields = day_and_night_fields()
    fields.update(changed)
    return table.encode(fields)


def new_account(tariff_data: bytes | None = None, contract=contracts.PrepaidMoney, impulses: int = 3200) -> Account:
    """Return an account that starts with the year 2026."""
    return Account(tariff_data or flat_tariff(), impulses, 1, contract, NEW_YEAR_S)
