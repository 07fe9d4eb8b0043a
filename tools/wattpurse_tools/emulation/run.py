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
from boards.host.world.commissioning import commission, make_card, top_up_hint
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
    parser.add_argument("--cards", default="cards", help="folder of the cards; default: %(default)s")
    parser.add_argument("--desk", default=".", help="folder of the vending station; default: %(default)s")
    options = parser.parse_args(words)
    if not terminal.is_interactive():
        print("This command shows a screen and needs a terminal. `make run` and `make bench` need none.")
        return 1
    try:
        world, cards, state = open_world(options, build_image() / PROGRAM)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"The meter cannot be prepared: {error}")
        return 1
    hint = top_up_hint(options.state, options.cards, options.desk, CARD)
    with contextlib.closing(world), terminal.Terminal() as screen:
        Session(world, cards, state, screen, glyphs_of_locale(), hint).run()
    return 0


def open_world(options: argparse.Namespace, image: Path) -> tuple[EmulatedWorld, CardFolder, ChipStateFolder]:
    """Return `(world, cards, state)` as the last run left them. A first run commissions the meter and makes a card."""
    state = ChipStateFolder(options.state)
    cards = CardFolder(options.cards)
    flash = os.path.join(options.state, FLASH_FILE)
    seed = int.from_bytes(os.urandom(4), "little")
    rest = state.rest
    if rest is None and os.path.exists(flash):
        os.remove(flash)  # left by a run that ended before the meter was commissioned
    world = EmulatedWorld(flash, image, FIRST_S if rest is None else rest["utc_s"], seed)
    try:
        if rest is None:
            _make_new(world, cards, VendingDesk(options.desk, options.cards, options.state))
            state.save(world)
        else:
            state.restore(world)
    except BaseException:
        world.close()
        raise
    return world, cards, state


def _make_new(world: EmulatedWorld, cards: CardFolder, desk: VendingDesk) -> None:
    print("A new meter is commissioned and a card made for it ...")
    world.run_for(1)
    commission(world, desk, METER_NUMBER)
    make_card(desk, cards, CARD, METER_NUMBER)


if __name__ == "__main__":
    sys.exit(main())
