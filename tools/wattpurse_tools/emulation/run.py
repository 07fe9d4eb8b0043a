"""`make run BOARD=pico`: the meter's image on an emulated RP2040, at the screen of the simulated meter.

Keys and cards are those of the simulated meter; the meter has a folder and a number of its own. Meanwhile its USB port
is open for `mpremote` or any terminal program.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from pathlib import Path

from boards.host.cards.folder import CardFolder
from boards.host.screen import terminal
from boards.host.screen.screen import glyphs_of_locale
from boards.host.screen.session import Session
from boards.host.world.commissioning import (
    CARDS,
    CONTRACT,
    OFFICE,
    Customer,
    commission,
    customer_from,
    customer_of,
    further_customer,
    make_card,
    settle_customer,
)
from boards.host.world.guide import Guide
from boards.host.world.state_folder import TERMINAL_SIZE
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import FIRST_S
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.world import FLASH_FILE, ChipStateFolder, EmulatedWorld

METER_NUMBER = 10_000_002
CARD = "tenant-pico"


def main(words: list[str] | None = None) -> int:
    """Run the meter until the user quits. Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="make run BOARD=pico",
        description="Run the meter's image on an emulated RP2040, at the screen of the simulated meter.",
    )
    parser.add_argument("--state", default="meter-pico", help="folder of the meter; default: %(default)s")
    parser.add_argument("--cards", help="folder of the cards; default: those of the office")
    parser.add_argument("--desk", default=OFFICE, help="folder of the office that sells; default: %(default)s")
    options = parser.parse_args(words)
    options.cards = options.cards or options.desk + CARDS
    if not terminal.is_interactive():
        print("This command shows a screen and needs a terminal. `make run` and `make bench` need none.")
        return 1
    try:
        world, cards, state = open_world(options, build_image() / PROGRAM)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"The meter cannot be prepared: {error}")
        return 1
    guide = Guide(customer_from(state.customer or {}), options.cards, options.desk)
    scratch = os.path.join(options.state, TERMINAL_SIZE)
    with contextlib.closing(state), contextlib.closing(world), terminal.Terminal(scratch) as screen:
        Session(world, cards, state, screen, glyphs_of_locale(), guide).run()
    return 0


def open_world(options: argparse.Namespace, image: Path) -> tuple[EmulatedWorld, CardFolder, ChipStateFolder]:
    """Return `(world, cards, state)` as the last run left them. A first run commissions the meter and makes a card."""
    with contextlib.ExitStack() as opened:
        state = opened.enter_context(contextlib.closing(ChipStateFolder(options.state)))
        cards = CardFolder(options.cards)
        flash = os.path.join(options.state, FLASH_FILE)
        rest = state.rest
        if rest is None and os.path.exists(flash):
            os.remove(flash)  # left by a run that ended before the meter was commissioned
        seed = int.from_bytes(os.urandom(4), "little")
        world = EmulatedWorld(flash, image, FIRST_S if rest is None else rest["utc_s"], seed)
        opened.enter_context(contextlib.closing(world))
        if rest is None:
            customer = further_customer(_customer(), cards)
            _make_new(world, customer, VendingDesk(options.desk, options.cards, options.state))
            state.customer = customer.facts()
            state.save(world)
        else:
            settle_customer(state, None, _customer())
            state.restore(world)
        opened.pop_all()
    return world, cards, state


def _customer() -> Customer:
    customer = customer_of(CONTRACT)
    customer.meter_number, customer.card = METER_NUMBER, CARD
    return customer


def _make_new(world: EmulatedWorld, customer: Customer, desk: VendingDesk) -> None:
    print("A new meter is commissioned and a card made for it, which takes some seconds ...")
    world.run_for(1)
    commission(world, desk, customer.meter_number, customer.contract)
    make_card(desk, customer)


if __name__ == "__main__":
    sys.exit(main())
