"""The meter's records on the console: rows for programs, newest first, and a line of text for each.

Rows come out of a generator, and long work is a coroutine, so that nobody has to wait. Events and top-ups are read from
their own flash. Energy is in mWh, money in micro-units, times in seconds since 1970 UTC and as local text.
"""

import asyncio

from wattpurse.core import carrier
from wattpurse.core.currency import MICROUNIT_DIGITS, decimal_text
from wattpurse.core.money.token_windows import number_text
from wattpurse.core.records import event_chain, events
from wattpurse.core.records.load_profile import FLAG_TEXTS
from wattpurse.core.tariffs.calendar import DAY_S, HALF_HOUR_S
from wattpurse.core.text import kwh_text, time_text
from wattpurse.services.console import arguments as read
from wattpurse.services.console.facts import account_of, demand_of, zone_of
from wattpurse.services.console.reports import kw_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.app import Meter
    from wattpurse.core.money.account import Account

EVENTS_SHOWN = 20
TOP_UPS_SHOWN = 20
MOST = 5_000
PROFILE_DAYS = 1
PROFILE_DAYS_MOST = 60
BROKEN_SHOWN = 20

_KWH_DIGITS = 3


def event_rows(meter: "Meter", arguments: list) -> "Iterator[dict]":
    """Return the newest events, each with its link in the chain. Places in the log that cannot be read are left out."""
    read.expect(arguments, "events [COUNT]", 0, 1)
    return _event_rows(meter, _count(arguments, EVENTS_SHOWN))


def event_line(row: dict) -> str:
    """Return a row of `event_rows` as text."""
    numbers = ""
    if row["extra"]:
        numbers = f" [{row['number']}, {row['extra']}]"
    elif row["number"]:
        numbers = f" [{row['number']}]"
    return f"{row['time']}  {row['text']}{numbers}"


def top_up_rows(meter: "Meter", arguments: list) -> "Iterator[dict]":
    """Return the newest tokens redeemed."""
    read.expect(arguments, "topups [COUNT]", 0, 1)
    return _top_up_rows(meter, account_of(meter), _count(arguments, TOP_UPS_SHOWN))


def top_up_line(row: dict) -> str:
    """Return a row of `top_up_rows` as text."""
    start = f"{row['time']}  token {number_text(row['sequence'])}: "
    if row["unit"] is None:
        return f"{start}{row['what']}, by {row['by']}"
    shown = _shown_money if row["unit"] == "money" else _shown_energy
    return f"{start}{shown(row['amount'])} made the credit {shown(row['balance'])}, by {row['by']}"


def profile_rows(meter: "Meter", arguments: list) -> "Iterator[dict]":
    """Return the half hours that are over and began within DAYS days."""
    read.expect(arguments, "profile [DAYS]", 0, 1)
    days = read.number(arguments[0], "DAYS", 1, PROFILE_DAYS_MOST) if arguments else PROFILE_DAYS
    account_of(meter)
    return _profile_rows(meter, meter.timekeeper.now_s() - days * DAY_S)


def profile_line(row: dict) -> str:
    """Return a row of `profile_rows` as text."""
    words = [row["start"], f"{kwh_text(row['energy_mwh'], _KWH_DIGITS)} kWh"]
    words.append(decimal_text(row["charge_microunits"], MICROUNIT_DIGITS))
    if row["seconds"] != HALF_HOUR_S:
        words.append(f"{row['seconds'] // 60} min {row['seconds'] % 60} s")
    if row["legs_wh"] is not None:
        for place, leg in enumerate(row["legs_wh"]):
            in_text, out_text = [kwh_text(wh * 1000, _KWH_DIGITS) for wh in leg]
            words.append(f"L{place + 1} in {in_text}, out {out_text}")
    return "  ".join(words + row["flags"])


def demand(meter: "Meter", _arguments: list) -> dict:
    """Return the maximum demand of the current and earlier months, and the mean use of a day."""
    account = account_of(meter)
    profile = meter.load_profile
    return {
        "half_hour_s": HALF_HOUR_S,
        "months": [demand_of(one, account.tariff.zone) for one in profile.demands()],
        "mean_daily_mwh": profile.mean_daily_mwh(),
        "mean_daily_microunits": profile.mean_daily_microunits(),
        "days_left": meter.supply_desk.days_left(),
    }


def demand_text(facts: dict) -> str:
    """Return the facts of `demand` as text."""
    lines = [f"{one['month']}  {kw_text(one)} kW in the half hour from {one['start']}" for one in facts["months"]]
    if facts["mean_daily_mwh"] is not None:
        lines.append(f"mean of a day  {_shown_energy(facts['mean_daily_mwh'])}")
    if facts["mean_daily_microunits"] is not None:
        lines.append(f"mean of a day  {_shown_money(facts['mean_daily_microunits'])}")
    if facts["days_left"] is not None:
        lines.append(f"credit lasts    {facts['days_left']} days, if they are as the last seven")
    return "\n".join(lines)


async def verified_events(meter: "Meter", _arguments: list) -> dict:
    """Check the chain of the event log, and return the counts of its verdicts."""
    held = unproven = unchained = unreadable = 0
    broken = []
    zone = zone_of(meter)
    for event, verdict in meter.events.verdicts():
        if verdict == event_chain.UNCHAINED:
            unchained += 1
        elif verdict == event_chain.OLDEST:
            unproven += 1
        elif verdict in event_chain.INTACT:
            held += 1
        elif len(broken) < MOST:
            broken.append((event, verdict))
        await asyncio.sleep(0)
    for event in meter.events.survey():
        unreadable += event is None
        await asyncio.sleep(0)
    return {
        "held": held,
        "unproven": unproven,
        "not_chained": unchained,
        "broken": len(broken),
        "unreadable_places": unreadable,
        "newest_link": meter.events.link.hex(),
        "breaks": [
            {"time_s": event.time_s, "time": time_text(event.time_s, zone), "text": events.text(event), "why": verdict}
            for event, verdict in broken[:BROKEN_SHOWN]
        ],
    }


def verified_text(facts: dict) -> str:
    """Return the facts of `verified_events` as text."""
    lines = [f"{facts['held']} events hold, {facts['broken']} do not"]
    if facts["unproven"]:
        lines.append("the oldest has no event before it to be checked against")
    if facts["not_chained"]:
        lines.append(f"{facts['not_chained']} are older than the chain")
    lines += [f"{one['time']}  {one['text']}: {one['why']}" for one in facts["breaks"]]
    if facts["unreadable_places"]:
        lines.append(f"{facts['unreadable_places']} places cannot be read, after a power cut or a forgery")
    lines.append(f"the newest link is {facts['newest_link']}")
    return "\n".join(lines)


def _count(arguments: list, default: int) -> int:
    return read.number(arguments[0], "COUNT", 1, MOST) if arguments else default


def _event_rows(meter: "Meter", count: int) -> "Iterator[dict]":
    zone = zone_of(meter)
    for event in meter.events.survey():
        if event is None:
            continue
        yield {
            "time_s": event.time_s,
            "time": time_text(event.time_s, zone),
            "code": event.code,
            "by": carrier.text(event.by),
            "by_code": event.by,
            "number": event.number,
            "extra": event.extra,
            "text": events.text(event),
            "link": None if event.link is None else event.link.hex(),
        }
        count -= 1
        if count == 0:
            return


def _top_up_rows(meter: "Meter", account: "Account", count: int) -> "Iterator[dict]":
    for top_up in meter.top_ups.redeemed(account.token_is_used):
        yield {
            "time_s": top_up.time_s,
            "time": time_text(top_up.time_s, account.tariff.zone),
            "sequence": top_up.sequence,
            "what": top_up.text,
            "unit": top_up.unit,
            "amount": top_up.amount,
            "balance": top_up.balance,
            "by": carrier.text(top_up.carrier),
        }
        count -= 1
        if count == 0:
            return


def _profile_rows(meter: "Meter", since_s: int) -> "Iterator[dict]":
    zone = zone_of(meter)
    for one in meter.load_profile.half_hours():
        if one.start_s < since_s:
            return
        yield {
            "start_s": one.start_s,
            "start": time_text(one.start_s, zone),
            "seconds": one.seconds,
            "energy_mwh": one.energy_mwh,
            "charge_microunits": one.charge_microunits,
            "flags": [text for bit, text in FLAG_TEXTS if one.flags & bit],
            "legs_wh": one.legs,
        }


def _shown_money(microunits: int) -> str:
    return decimal_text(microunits, MICROUNIT_DIGITS)


def _shown_energy(mwh: int) -> str:
    return kwh_text(mwh, _KWH_DIGITS) + " kWh"
