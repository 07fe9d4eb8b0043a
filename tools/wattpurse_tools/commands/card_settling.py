"""`wattpurse card settle` and `card transfer`: pay out the credit that a meter gave back, or resell it."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.counter import (
    Counter,
    add_shift_options,
    new_client_key,
    open_counter_of,
    say_sold,
    tokens_of,
)
from wattpurse_tools.commands.selling import add_json_option, documents, say, uninterrupted
from wattpurse_tools.commands.station_options import add_card_options, open_shop_of
from wattpurse_tools.office import learning, refunds
from wattpurse_tools.office.refunds import RefundRequest
from wattpurse_tools.office.sale_types import Sold
from wattpurse_tools.station.actions import settling
from wattpurse_tools.station.actions.settling import Receipt
from wattpurse_tools.station.cards import CUSTOMER, a_card_of


def add_actions(actions: _SubParsersAction) -> None:
    """Add both to the actions of `wattpurse card`."""
    settle = actions.add_parser("settle", help="show the receipts of the card's meter, and how each was settled")
    add_card_options(settle)
    settle.add_argument("--paid", action="store_true", help="mark them as paid out to the customer")
    _add_doubt_option(settle)
    add_shift_options(settle)
    add_json_option(settle)
    settle.set_defaults(run=run_settle)

    text = "sell the credit that the card's meter gave back to another meter; the card is that meter's from then on"
    transfer = actions.add_parser("transfer", help=text)
    add_card_options(transfer)
    transfer.add_argument("--to", type=int, required=True, metavar="METER", help="the other meter")
    _add_doubt_option(transfer)
    add_shift_options(transfer)
    add_json_option(transfer)
    transfer.set_defaults(run=run_transfer)


def run_settle(arguments: Namespace) -> int:
    """Print every receipt of the card's meter. With --paid, settle them first."""
    if arguments.paid:
        with uninterrupted(), open_counter_of(arguments) as counter:
            _refund(counter, arguments, 0)
            found = settling.settlement(counter.cards, arguments.name)
    else:
        with open_shop_of(arguments) as shop:
            found = settling.settlement(shop, arguments.name)
    lines = [_receipt_line(receipt) for receipt in found.receipts]
    lines += [f"token {number_text(token['sequence'])}: {token['words']}, no receipt yet" for token in found.awaited]
    text = "\n".join(lines) or f"meter {found.meter} was never asked to give credit back"
    document = {"meter": found.meter, "receipts": found.receipts, "awaited": documents(found.awaited)}
    return say(document, text, arguments)


def run_transfer(arguments: Namespace) -> int:
    """Sell the credit to the other meter."""
    with uninterrupted(), open_counter_of(arguments) as counter:
        from_meter, done = _refund(counter, arguments, arguments.to)
        made = tokens_of(counter, done)
        sold = ", ".join(f"{token['text']} as token {number_text(token['sequence'])}" for token in made)
        document = {"card": arguments.name, "from_meter": from_meter, "to_meter": arguments.to}
        text = f"card {arguments.name}: from meter {from_meter} to meter {arguments.to}: {sold}"
        return say_sold(counter, done, document, text, arguments)


def _refund(counter: Counter, arguments: Namespace, to_meter: int) -> tuple[int, Sold]:
    """Pay out the credit that is owed to the card, or move it. Return the meter that it came from, and the receipt."""
    reader = counter.reader(arguments.name)
    seen = learning.look(reader)
    if seen.role != CUSTOMER:
        raise ValueError(f"card {arguments.name} is {a_card_of(seen.role)}, not a customer's")
    owed = refunds.owed_receipts(seen, counter.office, arguments.despite_doubt)
    if not owed:
        raise ValueError(f"meter {seen.meter_number} owes no credit that is not settled already")
    approvals = () if arguments.approval is None else (arguments.approval,)
    request = RefundRequest(
        new_client_key(),
        counter.shift.pk,
        seen.meter_number,
        tuple(one.sequence for one in owed),
        to_meter,
        approvals,
    )
    return seen.meter_number, refunds.refund(counter.office, counter.actor, request, reader)


def _add_doubt_option(parser: ArgumentParser) -> None:
    text = "settle receipts in doubt too, after you have looked into them; a second person has to approve it"
    parser.add_argument("--despite-doubt", action="store_true", help=text)


def _receipt_line(receipt: Receipt) -> str:
    settled = receipt["settled"] or "not settled yet"
    if receipt["doubt"]:
        settled += f"; IN DOUBT: {receipt['doubt']}"
    return f"token {number_text(receipt['sequence'])}: {receipt['words']}: {receipt['text']}; {settled}"
