"""A process that sells in an office: `python selling_process.py FOLDER SHIFT METER COUNT FAULT`.

It sells COUNT times and asks for each sale twice, as a client does that got no answer. FAULT is "none", "at the card"
(the process is killed when it writes the card) or "in the transaction" (it is killed when it commits).
"""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tools")]

NO_FAULT, AT_THE_CARD, IN_THE_TRANSACTION = "none", "at the card", "in the transaction"
UID = "04aa"


def die(*_: object, **__: object) -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(path: str, shift: int, meter: int, count: int, fault: str) -> None:
    """Sell, and print the receipt number of each sale."""
    from tests.office_of_tests import configure

    configure()
    from tests.tools.office.selling_site import PaperCard, money
    from wattpurse_tools.office import audit, sales
    from wattpurse_tools.office.actor import Actor
    from wattpurse_tools.office.office import open_office
    from wattpurse_tools.office.sale_types import CARD, NONE, SaleRequest
    from wattpurse_tools.record.office_folder import OfficeFolder
    from wattpurse_tools.vault.client import VaultClient

    folder = OfficeFolder(path)
    keys = VaultClient(folder.socket)
    session = keys.sign_on_as_user()
    actor = Actor.of(session)
    card = PaperCard(UID, meter) if fault != NO_FAULT else None
    if fault == AT_THE_CARD:
        card.write = die
    if fault == IN_THE_TRANSACTION:
        audit.note = die
    with open_office(folder, keys) as office:
        for place in range(count):
            carrier, uid = (NONE, "") if card is None else (CARD, UID)
            asked = SaleRequest(f"{shift}-{place}", shift, meter, uid, carrier, money(1))
            first = sales.sell(office, actor, asked, card)
            again = sales.sell(office, actor, asked, card)
            assert again.sale == first.sale
            assert again.is_repeat
            print(first.sale.receipt_number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
