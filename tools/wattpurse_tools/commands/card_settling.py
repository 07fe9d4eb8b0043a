"""`wattpurse card settle` and `card transfer`: pay out the credit that a meter gave back, or resell it."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.selling import add_json_option, documents, say, say_not_on_card, uninterrupted
from wattpurse_tools.commands.station_options import add_card_options, open_shop_of
from wattpurse_tools.station.actions import settling
from wattpurse_tools.station.actions.settling import Receipt
from wattpurse_tools.station.cards import NotOnCard


def add_actions(actions: _SubParsersAction) -> None:
    """Add both to the actions of `wattpurse card`."""
    settle = actions.add_parser("settle", help="show the receipts of the card's meter, and how each was settled")
    add_card_options(settle)
    settle.add_argument("--paid", action="store_true", help="mark them as paid out to the customer")
    _add_doubt_option(settle)
    add_json_option(settle)
    settle.set_defaults(run=run_settle)

    text = "sell the credit that the card's meter gave back to another meter; the card is that meter's from then on"
    transfer = actions.add_parser("transfer", help=text)
    add_card_options(transfer)
    transfer.add_argument("--to", type=int, required=True, metavar="METER", help="the other meter")
    _add_doubt_option(transfer)
    add_json_option(transfer)
    transfer.set_defaults(run=run_transfer)


def run_settle(arguments: Namespace) -> int:
    """Print every receipt of the card's meter. With --paid, settle them first."""
    with open_shop_of(arguments) as shop:
        if arguments.paid:
            found = settling.settle(shop, arguments.name, arguments.despite_doubt, arguments.approval)
        else:
            found = settling.settlement(shop, arguments.name)
    lines = [_receipt_line(receipt) for receipt in found.receipts]
    lines += [f"token {number_text(token['sequence'])}: {token['words']}, no receipt yet" for token in found.awaited]
    text = "\n".join(lines) or f"meter {found.meter} was never asked to give credit back"
    document = {"meter": found.meter, "receipts": found.receipts, "awaited": documents(found.awaited)}
    return say(document, text, arguments)


def run_transfer(arguments: Namespace) -> int:
    """Sell the credit to the other meter."""
    with uninterrupted(), open_shop_of(arguments) as shop:
        try:
            done = settling.transfer(shop, arguments.name, arguments.to, arguments.despite_doubt, arguments.approval)
        except NotOnCard as error:
            return say_not_on_card(shop, error, {"card": arguments.name, "to_meter": arguments.to}, arguments)
        sold = ", ".join(f"{token['text']} as token {number_text(token['sequence'])}" for token in done.tokens)
        document = {"card": arguments.name, "from_meter": done.from_meter, "to_meter": done.to_meter}
        text = f"card {arguments.name}: from meter {done.from_meter} to meter {done.to_meter}: {sold}"
        return say({**document, "tokens": documents(done.tokens)}, text, arguments)


def _add_doubt_option(parser: ArgumentParser) -> None:
    text = "settle receipts in doubt too, after you have looked into them; a second person has to approve it"
    parser.add_argument("--despite-doubt", action="store_true", help=text)


def _receipt_line(receipt: Receipt) -> str:
    settled = receipt["settled"] or "not settled yet"
    if receipt["doubt"]:
        settled += f"; IN DOUBT: {receipt['doubt']}"
    return f"token {number_text(receipt['sequence'])}: {receipt['words']}: {receipt['text']}; {settled}"
