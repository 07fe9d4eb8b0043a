"""`wattpurse fob`: the phone's half of a meter's Bluetooth link, for a laptop at the door.

Where the station's files are, its tokens go into the bag before a visit, and its record gets the statements after it.
Elsewhere the bag keeps both.
"""

import asyncio
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from wattpurse.core import outcome
from wattpurse.core.messages.statement import ALARM_TEXTS
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.station_options import add_card_folder_options, has_office, open_shop_of
from wattpurse_tools.fob.bag import DONE, Bag, carried
from wattpurse_tools.fob.bleak_radio import BleakRadio
from wattpurse_tools.fob.radio import FoundMeter, Radio
from wattpurse_tools.fob.talk import Talk
from wattpurse_tools.station.actions import fobs
from wattpurse_tools.utc_texts import time_text

SCAN_S = 8.0


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `fob scan`, `fob fetch`, `fob read` and `fob deliver`."""
    parser = subparsers.add_parser("fob", help="visit a meter by Bluetooth: bring tokens, take its statement")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    scan = actions.add_parser("scan", help="list the meters in range")
    _add_seconds(scan)
    scan.set_defaults(run=run_scan)

    fetch = actions.add_parser("fetch", help="at the office: fill the bag with tokens, and record its statements")
    fetch.add_argument(
        "--meters", type=int, nargs="+", metavar="N", help="fetch the tokens of these meters (default: of all meters)"
    )
    _add_bag(fetch)
    add_card_folder_options(fetch)
    fetch.set_defaults(run=run_fetch)

    for name, run, text in (
        ("read", run_read, "take the statement of a meter in range"),
        ("deliver", run_deliver, "deliver the tokens of a meter in range, and take its statement"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("meter", type=int, metavar="METER", help="the number of the meter")
        action.add_argument("--offline", action="store_true", help="leave the station's files alone")
        _add_seconds(action)
        _add_bag(action)
        add_card_folder_options(action)
        action.set_defaults(run=run)


def make_radio() -> Radio:
    """Return the radio of this computer."""
    return BleakRadio()


def run_scan(arguments: Namespace) -> int:
    """List the meters in range."""
    found = asyncio.run(make_radio().scan(arguments.seconds))
    for one in found:
        alarms = ", ".join(text for bit, text in ALARM_TEXTS if one.alarms & bit) or "none"
        print(f"meter {one.meter}  alarms {alarms}  {one.rssi} dBm  {one.address}")
    if not found:
        print("no meter in range; its console shows with 'status' whether Bluetooth is on")
    return 0


def run_fetch(arguments: Namespace) -> int:
    """Fill the bag, and record its statements."""
    bag = Bag(arguments.bag)
    _hand_in(arguments, bag)
    bag.drop_done()
    _fill(arguments, bag, arguments.meters)
    return 0


def run_read(arguments: Namespace) -> int:
    """Take a statement."""
    bag = Bag(arguments.bag)
    asyncio.run(_visit(arguments, bag, []))
    _end_visit(arguments, bag)
    return 0


def run_deliver(arguments: Namespace) -> int:
    """Deliver tokens, and take a statement."""
    bag = Bag(arguments.bag)
    if _has_office(arguments):
        _fill(arguments, bag, [arguments.meter])
    tokens = [bytes.fromhex(one["sealed"]) for one in bag.waiting(arguments.meter)]
    if not tokens:
        print(f"no token for meter {arguments.meter} in {arguments.bag}")
    asyncio.run(_visit(arguments, bag, tokens))
    _end_visit(arguments, bag)
    return 0 if not bag.waiting(arguments.meter) else 1


async def _visit(arguments: Namespace, bag: Bag, tokens: list[bytes]) -> None:
    """Find the meter, deliver `tokens` and take its statement."""
    radio = make_radio()
    found = await _find(radio, arguments.meter, arguments.seconds)
    talk = Talk(radio, found.address)

    def note(sealed: bytes, result: int) -> None:
        bag.note_outcome(sealed, result)
        carried = next(one for one in bag.tokens if one["sealed"] == sealed.hex())
        words = "redeemed before" if result == outcome.NO_NEWS else outcome.text(result)
        later = "" if result in DONE else "; it stays in the bag"
        print(f"token {number_text(carried['sequence'])}, {carried['text']}: {words}{later}")

    await talk.deliver(tokens, note)
    bag.bring(arguments.meter, await talk.statement())


async def _find(radio: Radio, meter: int, seconds: float) -> FoundMeter:
    """Return the meter with a number. Raise OSError if it is not in range."""
    found = await radio.scan(seconds)
    for one in found:
        if one.meter == meter:
            return one
    others = ", ".join(str(one.meter) for one in found) or "none"
    raise OSError(f"meter {meter} is not in range, or its Bluetooth is off; in range: {others}")


def _end_visit(arguments: Namespace, bag: Bag) -> None:
    """Record the statements of the bag, or say where they are."""
    if _has_office(arguments):
        _hand_in(arguments, bag)
    else:
        print(f"the statement is in {arguments.bag}; 'wattpurse fob fetch' at the office records it")


def _has_office(arguments: Namespace) -> bool:
    return not arguments.offline and has_office(arguments)


def _fill(arguments: Namespace, bag: Bag, meters: list[int] | None) -> None:
    """Put the tokens of meters into the bag."""
    with open_shop_of(arguments) as shop:
        tokens = fobs.tokens_for(shop, meters)
    new = bag.put(carried(one["meter"], one["sequence"], one["sealed"], one["text"]) for one in tokens)
    print(f"{new} new tokens in {arguments.bag}")


def _hand_in(arguments: Namespace, bag: Bag) -> None:
    """Record the statements of the bag at the station, and print them."""
    with open_shop_of(arguments) as shop:
        for brought in list(bag.statements):
            try:
                found = fobs.record(shop, brought["meter"], bytes.fromhex(brought["content"]))
            except ValueError as error:
                print(f"{error}; its statement stays in the bag")
                continue
            bag.hand_in(brought)
            if found.statement is None:
                print(f"meter {found.meter}  a statement that cannot be opened: of another site, or not genuine")
                continue
            alarms = ", ".join(found.statement["alarms"]) or "none"
            told = time_text(found.statement["time_s"])
            print(f"meter {found.meter}  {told}  balance {found.balance_text}  alarms {alarms}")


def _add_seconds(parser: ArgumentParser) -> None:
    text = "how long to look for meters; default: %(default)s"
    parser.add_argument("--seconds", type=float, default=SCAN_S, metavar="S", help=text)


def _add_bag(parser: ArgumentParser) -> None:
    text = "the bag: a file with tokens and statements, readable by you alone; default: %(default)s"
    parser.add_argument("--bag", type=Path, default=Path("fob.json"), metavar="FILE", help=text)
