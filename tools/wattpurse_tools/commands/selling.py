"""The end of a command that sells: it always prints the sale, as text or document, and its exit status fits.

Stopping the program does not take a sale back. So an interrupt waits until the sale is printed. The exit status is
SOLD_NOT_DONE if a sale is in the record and not on its card, or if it could not be printed.
"""

import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wattpurse_tools.station.actions.tokens import IssuedToken, as_document, issued_token
from wattpurse_tools.station.cards import NotOnCard
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.shop import Shop

SOLD_NOT_DONE = 3

DONE = "done"
NOT_ON_CARD = "not on the card"


def add_json_option(parser: ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="for programs; amounts in micro-units, mWh and seconds")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let an interrupt wait until the `with` block has ended."""
    came = []
    former = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, lambda *_: came.append(True))
    except ValueError:  # another thread than the main one gets no interrupts
        former = None
    try:
        yield
    finally:
        if former is not None:
            signal.signal(signal.SIGINT, former)
    if came:
        print("wattpurse: interrupted after the sale; it stands as it was said", file=sys.stderr)


def say(document: dict, text: str, arguments: Namespace, state: str = DONE) -> int:
    """Print a sale and return the exit status. If the reader has left, the sale goes to standard error."""
    status = 0 if state == DONE else SOLD_NOT_DONE
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        print(json.dumps({**document, "outcome": state}, indent=2) if arguments.json else text)
        sys.stdout.flush()
    except OSError as error:
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"wattpurse: sold, and the output failed ({error}): {text}", file=sys.stderr)
        return SOLD_NOT_DONE
    return status


def say_not_on_card(shop: Shop, error: NotOnCard, document: dict, arguments: Namespace) -> int:
    """Print a sale that is in the record and not on its card. Return SOLD_NOT_DONE."""
    print(f"wattpurse: {error}", file=sys.stderr)
    made = [
        issued_token(row, currency_of_meter(shop.station, row["meter"])) for row in shop.station.refreshed(error.rows)
    ]
    return say({**document, "tokens": documents(made)}, "", arguments, NOT_ON_CARD) if arguments.json else SOLD_NOT_DONE


def documents(tokens: Sequence[IssuedToken]) -> list[dict]:
    """Return tokens as documents for programs."""
    return [as_document(one) for one in tokens]
