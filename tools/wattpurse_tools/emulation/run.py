"""`make run BOARD=pico`: the meter's image on an emulated RP2040, at the screen of the simulated meter.

Keys and cards are the same; the meter has a folder and a number of its own. Beside the screen its USB port is there for
`mpremote` or any terminal program.
"""

import argparse
import contextlib
import os
import subprocess
import sys

from boards.host.cards.folder import CardFolder
from boards.host.screen import terminal
from boards.host.screen.screen import glyphs_of_locale
from boards.host.screen.session import Session
from boards.host.world.commissioning import commission, make_card, top_up_hint
from boards.host.world.vending_desk import VendingDesk
from boards.host.world.world import FIRST_S
from wattpurse_tools.emulation.world import FLASH_FILE, ChipStateFolder, EmulatedWorld
from wattpurse_tools.places import ROOT

METER_NUMBER = 10_000_002
CARD = "tenant-pico"

_IMAGE_FILE = "firmware.bin"


def main(words: list[str] | None = None) -> int:
    """Run until somebody quits; the exit status."""
    parser = argparse.ArgumentParser(prog="make run BOARD=pico", description=__doc__.split("\n")[0])
    parser.add_argument("--state", default="meter-pico", help="folder of the meter; default: %(default)s")
    parser.add_argument("--cards", default="cards", help="folder of the cards; default: %(default)s")
    parser.add_argument("--desk", default=".", help="folder of the vending station; default: %(default)s")
    options = parser.parse_args(words)
    if not terminal.is_interactive():
        print("This shows a screen and wants a terminal; without one there are `make run` and `make bench`.")
        return 1
    try:
        world, cards, state = open_world(options, build_image())
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"The meter cannot be made ready: {error}")
        return 1
    hint = top_up_hint(options.state, options.cards, options.desk, CARD)
    with contextlib.closing(world), terminal.Terminal() as screen:
        Session(world, cards, state, screen, glyphs_of_locale(), hint).run()
    return 0


def build_image() -> str:
    """Install the emulator and build the image where they are not there yet; the image's file."""
    subprocess.run([ROOT / "tools/emulator/install"], check=True)
    command = [ROOT / "boards/pico/image/build"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return os.path.join(built.stdout.strip(), _IMAGE_FILE)


def open_world(options, image: str) -> tuple:
    """`(world, cards, state)` as the last run left them; a first run commissions the meter and makes a card."""
    state = ChipStateFolder(options.state)
    cards = CardFolder(options.cards)
    flash = os.path.join(options.state, FLASH_FILE)
    seed = int.from_bytes(os.urandom(4), "little")
    is_new = state.rest is None
    if is_new and os.path.exists(flash):
        os.remove(flash)  # of a run that ended before the meter was made
    world = EmulatedWorld(flash, image, FIRST_S if is_new else state.rest["utc_s"], seed)
    try:
        if is_new:
            _make_new(world, cards, VendingDesk(options.desk, options.cards, options.state))
            state.save(world)
        else:
            state.restore(world)
    except BaseException:
        world.close()
        raise
    return world, cards, state


def _make_new(world, cards, desk) -> None:
    print("A new meter is commissioned and a card made for it ...")
    world.run_for(1)
    commission(world, desk, METER_NUMBER)
    make_card(desk, cards, CARD, METER_NUMBER)


if __name__ == "__main__":
    sys.exit(main())
