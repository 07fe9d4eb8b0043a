"""`wattpurse card settle` and `card transfer`: what a meter took back is paid out, or sold to another meter, once."""

from wattpurse_tools.commands.desk_options import add_card_options, desk_of, open_station
from wattpurse_tools.station.card_report import amount_text, order_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.order import ENERGY, MONEY, duration_text
from wattpurse_tools.station.vending import Vending


def add_actions(actions) -> None:
    """Adds both to the actions of `wattpurse card`."""
    settle = actions.add_parser("settle", help="show what the card's meter took back, and what became of it")
    add_card_options(settle)
    settle.add_argument("--paid", action="store_true", help="note it as paid out to the customer")
    settle.set_defaults(run=run_settle)

    text = "sell what the card's meter took back to another meter; the card is that meter's from then on"
    transfer = actions.add_parser("transfer", help=text)
    add_card_options(transfer)
    transfer.add_argument("--to", type=int, required=True, metavar="METER", help="the other meter")
    transfer.set_defaults(run=run_transfer)


def run_settle(arguments) -> int:
    """Prints every receipt of the card's meter; with --paid, after it was settled."""
    with open_station(arguments) as station:
        read = desk_of(arguments, station).read(arguments.name)
        if not read.meter_number:
            raise ValueError(f"card {arguments.name} is no customer's card")
        owed = station.receipts.owed(read.meter_number)
        if arguments.paid:
            if not owed:
                raise ValueError(f"meter {read.meter_number} has taken nothing back that is not settled already")
            station.pay_out(owed)
        currency = currency_of_meter(station, read.meter_number)
        lines = [_receipt_line(row, station, currency) for row in station.receipts.of_meter(read.meter_number)]
        lines += [f"token {row['sequence']}: {row['words']}, no receipt yet" for row in _awaited(station, read)]
    print("\n".join(lines) or f"meter {read.meter_number} was never asked to give anything back")
    return 0


def run_transfer(arguments) -> int:
    """Sells what was taken back to the other meter."""
    with open_station(arguments) as station:
        desk = desk_of(arguments, station)
        read = desk.read(arguments.name)
        from_meter = read.meter_number
        made = Vending(station, desk).transfer(read, arguments.to)
        currency = currency_of_meter(station, arguments.to)
        told = ", ".join(f"{order_text(row, currency)} as token {row['sequence']}" for row in made)
    print(f"card {arguments.name}: from meter {from_meter} to meter {arguments.to}: {told}")
    return 0


def _awaited(station, read):
    return station.receipts.awaited(read.meter_number)


def _receipt_line(row, station, currency) -> str:
    parts = [amount_text(unit, row[unit], currency) for unit in (MONEY, ENERGY) if row[unit]]
    if row["term_s"]:
        parts.append(duration_text(row["term_s"]))
    if row["debt"]:
        parts.append(f"debt of {amount_text(MONEY, row['debt'], currency)}")
    words = station.token(row["meter"], row["sequence"])["words"]
    taken = " and ".join(parts) or "nothing"
    return f"token {row['sequence']}: {words}: {taken}; {row['settled'] or 'not settled yet'}"
