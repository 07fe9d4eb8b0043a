"""`wattpurse card settle` and `card transfer`: pay out the credit that a meter gave back, or resell it."""

from argparse import Namespace, _SubParsersAction

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.station_options import add_card_options, open_shop_of
from wattpurse_tools.station.actions import settling
from wattpurse_tools.station.actions.settling import Receipt


def add_actions(actions: _SubParsersAction) -> None:
    """Add both to the actions of `wattpurse card`."""
    settle = actions.add_parser("settle", help="show the receipts of the card's meter, and how each was settled")
    add_card_options(settle)
    settle.add_argument("--paid", action="store_true", help="mark them as paid out to the customer")
    settle.set_defaults(run=run_settle)

    text = "sell the credit that the card's meter gave back to another meter; the card is that meter's from then on"
    transfer = actions.add_parser("transfer", help=text)
    add_card_options(transfer)
    transfer.add_argument("--to", type=int, required=True, metavar="METER", help="the other meter")
    transfer.set_defaults(run=run_transfer)


def run_settle(arguments: Namespace) -> int:
    """Print every receipt of the card's meter. With --paid, settle them first."""
    with open_shop_of(arguments) as shop:
        action = settling.settle if arguments.paid else settling.settlement
        found = action(shop, arguments.name)
    lines = [_receipt_line(receipt) for receipt in found.receipts]
    lines += [f"token {number_text(token['sequence'])}: {token['words']}, no receipt yet" for token in found.awaited]
    print("\n".join(lines) or f"meter {found.meter} was never asked to give credit back")
    return 0


def run_transfer(arguments: Namespace) -> int:
    """Sell the credit to the other meter."""
    with open_shop_of(arguments) as shop:
        done = settling.transfer(shop, arguments.name, arguments.to)
    sold = ", ".join(f"{token['text']} as token {number_text(token['sequence'])}" for token in done.tokens)
    print(f"card {arguments.name}: from meter {done.from_meter} to meter {done.to_meter}: {sold}")
    return 0


def _receipt_line(receipt: Receipt) -> str:
    settled = receipt["settled"] or "not settled yet"
    return f"token {number_text(receipt['sequence'])}: {receipt['words']}: {receipt['text']}; {settled}"
