"""The facts of `facts` as tables for people: amounts in the tariff's decimals, energy in kWh, local times.

Long work is a coroutine, in which other tasks get their turns.
"""

import asyncio

from wattpurse.core.currency import currency_of, decimal_text
from wattpurse.core.text import clock_text, kwh_text
from wattpurse.services.console import standing

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "hol")
_KWH_DIGITS = 3
_PRICE_DIGITS = 6
_MINUTE_DIGITS = len("0000-00-00T00:00")


async def table(rows: list, heading: tuple | None = None) -> str:
    """Return rows of texts in aligned columns: the first to the left, the others to the right.

    Other tasks get a turn between rows.
    """
    every = ([heading] if heading else []) + rows
    widths = []
    for column in range(len(every[0])):
        await asyncio.sleep(0)
        widths.append(max(len(row[column]) for row in every))
    lines = []
    for row in every:
        await asyncio.sleep(0)
        lines.append(_aligned(row, widths))
    return "\n".join(lines)


def pairs(rows: list) -> str:
    """Return `(name, value)` rows, a line each; a value of None is left out."""
    shown = [(name, value) for name, value in rows if value is not None]
    width = max(len(name) for name, _ in shown)
    return "\n".join(f"{name}{' ' * (width - len(name))}  {value}" for name, value in shown)


def clamp_rows(facts: dict) -> list:
    """Return the rows about clamps. Only a meter with clamps imports their module."""
    from wattpurse.services.console import clamps

    return clamps.rows_of(facts)


def status(facts: dict) -> str:
    """Return the facts of `facts.status` as text."""
    rows = [
        ("meter", _number_or_none_yet(facts["meter_number"])),
        ("time", facts["time"] + ("" if facts["trusted"] else "  (not to be trusted: set the clock)")),
        ("supply", facts["supply"]),
        ("load switch", facts["load_switch"]),
        ("flash chip", facts["flash_chip"]),
        ("bluetooth", facts["bluetooth"]),
    ]
    if "contract" in facts:
        rows += [
            ("contract", facts["contract"]),
            ("money", currency_of(facts).text(facts["money_microunits"]["balance"])),
            ("energy credit", _kwh(facts["energy_mwh"]["balance"])),
        ]
        rows += standing.rows_of(facts)
        rows += [
            ("rate", facts["rate"]),
            ("tariff version", str(facts["tariff_version"])),
            ("power", str(facts["power_w"]) + " W"),
        ]
        if "legs" in facts:
            rows += clamp_rows(facts)
        rows += [
            ("power limit trips", str(facts["power_trips"]) if facts["power_trips"] else None),
            ("supply waits for", _seconds(facts["restoring_s"])),
            ("supply test for", _seconds(facts["test_s"])),
            ("closed again", f"{facts['closed_again']} times: no energy flows" if facts["closed_again"] else None),
            ("opened again", f"{facts['open_again']} times: energy flows" if facts["open_again"] else None),
            ("tamper", ", ".join(facts["tamper"]) or None),
            ("total", _kwh(facts["total_mwh"])),
            ("this month", _kwh(facts["month_mwh"])),
            ("alarms", ", ".join(facts["alarms"]) or "none"),
        ]
    return pairs(rows)


async def registers(facts: dict) -> str:
    """Return the facts of `facts.registers` as text."""
    rows = [(rate["name"], _digits(rate["total_mwh"]), _digits(rate["month_mwh"])) for rate in facts["rates"]]
    rows.append(("total", _digits(facts["total_mwh"]), _digits(sum(rate["month_mwh"] for rate in facts["rates"]))))
    energy = await table(rows, ("rate", "kWh", "kWh this month"))
    credit = await _credit_registers(facts)
    if facts["levies"]:
        levies = [
            (one["name"], _money(one["total_microunits"]), _money(one["month_microunits"])) for one in facts["levies"]
        ]
        energy += "\n\n" + await table(levies, ("levy", facts["currency"], facts["currency"] + " this month"))
    if "legs" in facts:
        from wattpurse.services.console import clamps

        energy += "\n\n" + pairs([(f"L{leg['leg']}", clamps.energy_text(leg)) for leg in facts["legs"]])
    return energy + "\n\n" + credit + f"\n\npulses {facts['pulses']}, last token {facts['token_top']}"


async def months(facts: dict) -> str:
    """Return the facts of `facts.months` as text."""
    heading = ("month",) + tuple(facts["rates"]) + ("kWh", "charged " + facts["currency"], "kW at most", "from", "")
    rows = []
    for month in facts["months"]:
        energy = tuple(_digits(mwh) for mwh in month["rate_mwh"])
        charge = decimal_text(month["charge_microunits"], _PRICE_DIGITS)
        state = "closed" if month["closed"] else "runs"
        most = month["demand"]
        demand = ("", "") if most is None else (kw_text(most), most["start"][:_MINUTE_DIGITS])
        rows.append((month["month"],) + energy + (_digits(month["total_mwh"]), charge) + demand + (state,))
        await asyncio.sleep(0)
    return await table(rows, heading)


def kw_text(demand: dict) -> str:
    """Return the power of a month's maximum demand, in kW."""
    return kwh_text(demand["power_w"] * 1000, _KWH_DIGITS)


async def tariff(facts: dict) -> str:
    """Return the facts of `facts.tariff` as text."""
    shown = "in force, rate now " + facts["rate_now"] + "\n" + await _tariff_table(facts["in_force"])
    if facts["pending"] is None:
        return shown + "\n\nno table is pending"
    return shown + "\n\npending\n" + await _tariff_table(facts["pending"])


async def contract_in_force(facts: dict) -> str:
    """Return the facts of `facts.contract_in_force` as text."""
    limit = facts["credit_limit"]
    shown = currency_of(facts).text(limit) if facts["unit"] == "money" else _kwh(limit)
    rows = [
        ("contract", facts["contract"]),
        ("can be set to", ", ".join(facts["contracts"])),
        ("credit limit", shown if limit else "none"),
    ]
    return pairs(rows + standing.rows_of(facts)) + "\n\n" + await _credit_registers(facts)


def clock(facts: dict) -> str:
    """Return the facts of `facts.clock` as text."""
    return facts["time"] + ("" if facts["trusted"] else "\nnot to be trusted: set it with 'clock set'")


def identity(facts: dict) -> str:
    """Return the facts of `facts.identity` as text."""
    calibration = None
    if facts["impulses"] is not None:
        calibration = f"{facts['impulses']} impulses are {facts['per_kwh']} kWh"
    return pairs(
        [
            ("meter number", _number_or_none_yet(facts["meter_number"])),
            ("commissioned", _yes_no(facts["commissioned"])),
            ("calibration", calibration),
            ("firmware", facts["version"]),
            ("board", facts["board"]),
            ("unique id", facts["unique_id"]),
            ("card reader", "version " + facts["reader_version"] if facts["reader_version"] else "has not answered"),
        ]
    )


def version(facts: dict) -> str:
    """Return the facts of `facts.version` as text."""
    return f"Wattpurse {facts['version']} on {facts['board']}, {facts['python']}"


def keys(facts: dict) -> str:
    """Return the facts of `facts.keys` as text."""
    return pairs(
        [
            ("meter key", facts["meter_key"] or "none yet"),
            ("site key", facts["site_key"] or "none yet"),
            ("key version", str(facts["key_version"])),
        ]
    )


def _aligned(row: tuple, widths: list) -> str:
    cells = [row[0] + " " * (widths[0] - len(row[0]))]
    cells += [" " * (width - len(cell)) + cell for cell, width in zip(row[1:], widths[1:])]
    return "  ".join(cells).rstrip()


async def _credit_registers(facts: dict) -> str:
    money, energy = facts["money_microunits"], facts["energy_mwh"]
    rows = [
        (name.replace("_", " "), decimal_text(money[name], _PRICE_DIGITS), kwh_text(energy[name], _PRICE_DIGITS))
        for name in ("bought", "charged", "taken_out", "waived", "balance")
    ]
    return await table(rows, ("", facts["currency"], "kWh credit"))


async def _tariff_table(fields: dict) -> str:
    decimals = fields["decimals"]
    hours, minutes = divmod(abs(fields["offset_minutes"]), 60)
    zone = f"UTC{'-' if fields['offset_minutes'] < 0 else '+'}{hours:02d}:{minutes:02d}"
    if fields["daylight_minutes"]:
        zone += f", {fields['daylight_minutes']} minutes ahead in summer"
    if fields["zone_changes"]:
        zone += f", and {fields['zone_changes']} changes by date"
    head = pairs(
        [
            ("version", str(fields["version"])),
            ("activation", fields["activation"]),
            ("currency", f"{fields['currency']}, {decimals} decimals"),
            ("customer class", str(fields["customer_class"])),
            ("zone", zone),
            ("standing charge", decimal_text(fields["standing_charge_microunits"], _PRICE_DIGITS) + " a day"),
            ("free allowance", _kwh(fields["allowance_mwh"]) + " a month"),
        ]
        + _further_charges(fields)
    )
    await asyncio.sleep(0)
    rates = "\n".join(f"rate {rate['name']}: {_blocks(rate)}" for rate in fields["rates"])
    await asyncio.sleep(0)
    return "\n".join([head, rates, _schedule(fields)])


def _further_charges(fields: dict) -> list:
    """Return a row for each further charge that the tariff has, and for the blocks unless each rate counts by month."""
    rows = [
        (name, _money(fields[key]) + unit if fields[key] else None)
        for name, key, unit in (
            ("fixed charge", "month_charge_microunits", " a month"),
            ("minimum", "minimum_microunits", " a month"),
            ("maximum demand", "demand_microunits_per_kw", " per kW a month"),
        )
    ]
    if fields["blocks_of_total"] or fields["blocks_by_day"]:
        of = "all rates" if fields["blocks_of_total"] else "each rate"
        rows.append(("blocks", f"of {of} by {'day' if fields['blocks_by_day'] else 'month'}"))
    if not fields["free_in_blocks"]:
        rows.append(("free energy", "does not count towards the blocks"))
    for levy in fields["levies"]:
        per_kwh = levy.get("per_kwh_microunits")
        value = decimal_text(levy["permyriad"] * 10_000, 2) + " %" if per_kwh is None else _money(per_kwh) + " per kWh"
        rows.append(("levy " + levy["name"], value))
    return rows


def _blocks(rate: dict) -> str:
    """Return the blocks of a rate, as in `0.312517 up to 20.000 kWh, then 0.398003`."""
    shown = []
    for block, price in enumerate(rate["prices_microunits"]):
        limits_mwh = rate["block_limits_mwh"]
        until = f" up to {_kwh(limits_mwh[block])}" if block < len(limits_mwh) else ""
        shown.append(decimal_text(price, _PRICE_DIGITS) + until)
    return ", then ".join(shown) + " per kWh"


def _schedule(fields: dict) -> str:
    names = [rate["name"] for rate in fields["rates"]]
    lines = []
    for number, day_type in enumerate(fields["day_types"]):
        switches = ", ".join(f"{clock_text(minute)} {names[rate]}" for minute, rate in day_type)
        lines.append(f"day type {number}: {switches}")
    for season in fields["seasons"]:
        days = ", ".join(f"{_WEEKDAYS[place]} {kind}" for place, kind in enumerate(season["day_types"]))
        lines.append(f"from {season['month']:02d}-{season['day']:02d}: {days}")
    if fields["holidays"]:
        lines.append("holidays: " + ", ".join(_holiday(*holiday) for holiday in fields["holidays"]))
    return "\n".join(lines)


def _holiday(month: int, day: int, year: int) -> str:
    return (f"{year}-" if year else "") + f"{month:02d}-{day:02d}"


def _digits(mwh: int) -> str:
    return kwh_text(mwh, _KWH_DIGITS)


def _money(microunits: int) -> str:
    return decimal_text(microunits, _PRICE_DIGITS)


def _kwh(mwh: int) -> str:
    return _digits(mwh) + " kWh"


def _seconds(count: int) -> str | None:
    return f"{count} s" if count else None


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _number_or_none_yet(number: int | None) -> str:
    return "none yet" if number is None else str(number)
