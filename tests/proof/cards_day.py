"""A day at a till: sales over a real pcscd, and the card pulled out at any APDU.

A case is an office on SQLite, a cashier's shift, a pcscd with one virtual reader, and a card of each kind: customers'
cards, a key card on a memory card, and a key card on a DESFire card. For each sale a customer lays his card on the
reader. Sales that are owed to it are written first, then the cashier sells. In most visits the card leaves at an APDU:
before it, while the card works on it, or when its answer is under way. Some customers lay it back at once, others go to
their meter and leave the sale owed. Meters with the firmware's own card desk take the cards.

The list of sales that the cashier made decides. After the last sale each one is owed to its card, or on it once, or
redeemed at its meter, and the ledger has for each meter its credit and its waiting tokens. When all cards were laid
back, every meter has bought exactly the credit of its sales, old copies of the cards buy nothing more, and `office
check` finds nothing. A key card has been loaded by the sum of its sales, and has paid exactly the charges of its meter.

Case 0 is a morning of a few sales, for `make test`. Every other case is a day of 200. pcscd looks at its reader 2.5
times in a second, so a day lasts some minutes.
"""

import os
import random as randoms
import shutil
import tempfile
from pathlib import Path

from tests import office_of_tests
from tests.proof import office_lives

NAME = "cards-day"
ABOUT = "a day of sales over a real pcscd with the card pulled out at any APDU; every token at its meter once"
SHORT_CASES = 1
LONG_CASES = 100

SALES_OF_A_DAY = 200
SALES_OF_A_MORNING = 20


def run_case(seed: int, tally):
    """Let one day go by."""
    office_of_tests.configure()
    from tests.proof.cards_day_till import Day

    count = SALES_OF_A_DAY if seed else SALES_OF_A_MORNING
    before = os.environ.pop("DATABASE_URL", None)
    folder = Path(tempfile.mkdtemp(prefix="wp-proof-day-"))
    try:
        random = randoms.Random(f"{NAME} {seed}")
        day = Day(random, office_lives.template_of_process(), folder / "office", count, tally)
        try:
            day.live()
        finally:
            day.close()
    finally:
        shutil.rmtree(folder)
        if before is not None:
            os.environ["DATABASE_URL"] = before
    tally.cases += 1
