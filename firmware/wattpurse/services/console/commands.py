"""Every command of the console in three tables: reports and lists, which only read, and changes, which need a right."""

import asyncio

from wattpurse.services.console import changes as changes
from wattpurse.services.console import facts as facts
from wattpurse.services.console import links as links
from wattpurse.services.console import records as records
from wattpurse.services.console import reports as reports
from wattpurse.services.console import setup as setup
from wattpurse.services.console import terms as terms
from wattpurse.services.console import wiring as wiring

ANYONE = 0
TECHNICIAN = 1
TECHNICIAN_OR_FACTORY = 2  # anyone, on a meter to which nothing was done yet

JSON_FLAG = "--json"

_USAGE_WIDTH = 36  # a longer usage has its help on a line of its own

# name, arguments, help, facts(meter, arguments), report(facts), or coroutines that return them; all take --json
REPORTS = (
    ("status", "", "supply and its reason, credit, rate, alarms", facts.status, reports.status),
    ("registers", "", "energy per rate, bought and charged, pulses", facts.registers, reports.registers),
    ("months", "", "the current month and twelve closed ones", facts.months, reports.months),
    ("events verify", "", "check the chain of the event log", records.verified_events, records.verified_text),
    ("demand", "", "maximum demand per month, mean use per day", records.demand, records.demand_text),
    ("tariff", "", "the table in force and the pending one", facts.tariff, reports.tariff),
    ("contract", "", "the contract, and the credit in the meter", facts.contract_in_force, reports.contract_in_force),
    ("clock", "", "the meter's time", facts.clock, reports.clock),
    ("terms", "", "the terms of supply", terms.terms_in_force, terms.terms_text),
    ("keys", "", "fingerprints of the keys", facts.keys, reports.keys),
    ("identity", "", "meter number, calibration, firmware, board", facts.identity, reports.identity),
    ("version", "", "version of the firmware", facts.version, reports.version),
    ("ct", "", "readings of the clamps", wiring.clamps, wiring.clamps_text),
    ("readout", "", "the readout head", wiring.readout, wiring.readout_text),
    ("reader", "", "the card reader: the meter's own, or in the room", links.reader_facts, links.reader_text),
    ("mqtt", "", "the link to the broker", links.mqtt_facts, links.mqtt_text),
    ("network", "", "the way to the broker: modem or Wi-Fi", links.network_facts, links.network_text),
)

# name, arguments, help, rows(meter, arguments), line(row), name of the rows; a row is a dict; all take --json
LISTS = (
    ("events", "[COUNT]", "the newest events, 20 by default", records.event_rows, records.event_line, "events"),
    (
        "topups",
        "[COUNT]",
        "the newest tokens redeemed, 20 by default",
        records.top_up_rows,
        records.top_up_line,
        "topups",
    ),
    ("profile", "[DAYS]", "half hours, of one day by default", records.profile_rows, records.profile_line, "profile"),
)

# name, arguments, help, right needed, function(meter, arguments) -> text, or a coroutine that returns it
CHANGES = (
    ("token", changes.TOKEN_USAGE, "redeem a token typed in", ANYONE, changes.redeem_token),
    ("tariff set", "HEX", "take a new tariff table", TECHNICIAN, changes.set_tariff),
    ("contract set", "NAME", "change the contract", TECHNICIAN, changes.set_contract),
    ("clock set", "TIME", "set the clock: 2026-11-22T10:00:00+01:00", TECHNICIAN_OR_FACTORY, changes.set_clock),
    ("calibrate", "IMPULSES[/KWH]|ct|chip", "set how many impulses are how many kWh", TECHNICIAN, changes.calibrate),
    ("terms set", "NAME VALUE", "change one term of supply", TECHNICIAN, changes.set_term),
    ("bluetooth", "on|off", "serve phones and key fobs by Bluetooth, or stop", TECHNICIAN, changes.set_bluetooth),
    ("relay test", "", "open and close the load switch", TECHNICIAN, changes.test_relay),
    ("supply test", "MINUTES", "keep supply on for a test, 0 ends it", TECHNICIAN, changes.test_supply),
    ("display order", wiring.ORDER_USAGE, "set the order of the digits", TECHNICIAN, wiring.set_display_order),
    ("display delay", wiring.DELAY_USAGE, "slow the display's lines down", TECHNICIAN, wiring.set_display_delay),
    ("display test", "", "show 123456 for ten seconds", TECHNICIAN, wiring.test_display),
    ("keypad", wiring.KEYPAD_USAGE, "read a keypad from the next start on", TECHNICIAN, wiring.set_keypad),
    ("ct measure", "SECONDS", "measure, for a calibration of the clamps", TECHNICIAN, wiring.measure_clamps),
    ("ct gain", "LEG WATTS", "set the gain by the measured load", TECHNICIAN, wiring.set_clamp_gain),
    ("ct phase", "LEG WATTS", "set the phase by a load that lags", TECHNICIAN, wiring.set_clamp_phase),
    ("ct offset", "LEG", "set the offset without a load", TECHNICIAN, wiring.set_clamp_offset),
    ("ct set", "NAME [LEG] VALUE", "set a figure of clamps and dividers", TECHNICIAN, wiring.set_clamp_figure),
    ("readout on", "", "let the readout head answer", TECHNICIAN, wiring.switch_readout_on),
    ("readout off", "", "let it fall silent", TECHNICIAN, wiring.switch_readout_off),
    ("readout address", "ADDRESS|number", "set its device address", TECHNICIAN, wiring.set_readout_address),
    (
        "readout password",
        "PASSWORD",
        "set the password to set the clock there",
        TECHNICIAN,
        wiring.set_readout_password,
    ),
    ("mqtt broker", "HOST[:PORT]", "speak with an MQTT broker", TECHNICIAN, links.set_mqtt_broker),
    ("mqtt user", "NAME|none", "set the user at the broker", TECHNICIAN, links.set_mqtt_user),
    ("mqtt password", "WORD|none", "set the password at the broker", TECHNICIAN, links.set_mqtt_password),
    ("mqtt ca", "HEX|none", "encrypt the link, by a certificate in DER", TECHNICIAN, links.set_mqtt_ca),
    ("mqtt every", "MINUTES", "set the time between two statements", TECHNICIAN, links.set_mqtt_every),
    ("mqtt dns", "ADDRESS|none", "set the name server", TECHNICIAN, links.set_mqtt_dns),
    ("mqtt home-assistant", "on|off", "publish readings in clear", TECHNICIAN, links.set_home_assistant),
    ("mqtt off", "", "leave the broker", TECHNICIAN, links.stop_mqtt),
    ("network set", "KIND VALUE...", "set modem, number, login or wifi, or off", TECHNICIAN, links.set_network),
    ("reset-tamper", "", "clear a latched tamper", TECHNICIAN, changes.reset_tamper),
    (
        "commission",
        setup.COMMISSION_USAGE,
        "commission a blank meter",
        TECHNICIAN_OR_FACTORY,
        setup.commission,
    ),
    ("erase-ledger", "METERNUMBER", "erase a ledger that cannot be read", TECHNICIAN, setup.erase_ledger),
)

# name of a line that a meter never obeys, and the reason
REFUSED = (("keys set", "keys change by a token of the station: 'wattpurse token NUMBER meter-key', or site-key"),)


def find(table: tuple, words: list) -> tuple | None:
    """Return the entry of `table` that the line begins with, longer names first; None if there is none."""
    for length in (2, 1):
        name = " ".join(words[:length])
        for entry in table:
            if entry[0] == name:
                return entry
    return None


def arguments_of(entry: tuple, words: list) -> list:
    """Return the words behind the command's name. Raises ValueError for arguments to a command that takes none."""
    arguments = words[len(entry[0].split()) :]
    if arguments and not entry[1]:
        raise ValueError(f"'{entry[0]}' takes no arguments; see 'help'")
    return arguments


async def help_text(entries: list) -> str:
    """Return a line for each entry: its name, its arguments, its purpose. Other tasks get a turn meanwhile."""
    width = min(_USAGE_WIDTH, max(len(_usage(entry)) for entry in entries))
    lines = []
    for entry in entries:
        await asyncio.sleep(0)
        lines.append(_help_line(entry, width))
    reports = REPORTS + LISTS
    if any(entry in reports for entry in entries):
        lines.append("reports and lists take " + JSON_FLAG)
    return "\n".join(lines)


def _help_line(entry: tuple, width: int) -> str:
    usage = _usage(entry)
    if len(usage) > width:
        return usage + "\n" + " " * (width + 2) + entry[2]
    return usage + " " * (width + 2 - len(usage)) + entry[2]


def _usage(entry: tuple) -> str:
    return (entry[0] + " " + entry[1]).rstrip()
