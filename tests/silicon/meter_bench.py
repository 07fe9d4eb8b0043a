"""A commissioned meter on the emulated chip, as most tests want it: its flash was made on the simulated board.

The ring is the same on every board, so a meter that was commissioned there goes on here.
"""

import subprocess
from pathlib import Path

from tests.stories.whole_meter import Station, commissioned_world, sealed_credit
from wattpurse.drivers.segments import render
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.ring import RING_OFFSET, stores_of

ROOT = Path(__file__).parent.parent.parent
FLASH_BYTES = 2 * 1024 * 1024
TAP_LIMIT_S = 6
GONE_S = 0.7
STATION = Station()
_LEFT_IN_A_TRANSFER = "display: data fell while the clock was high inside a transfer"


def build_image(*options: str) -> Path:
    """Build an image if it is not there yet; the folder it is in."""
    subprocess.run([ROOT / "tools/emulator/install"], check=True)
    command = [ROOT / "boards/pico/image/build", *options]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Path(built.stdout.strip())


def commissioned_ring() -> bytes:
    """The ring of a meter that was commissioned for prepaid money and has no credit yet."""
    world = commissioned_world()
    world.close()
    return bytes(world.hardware.flash.memory)


def write_flash(path: Path, image: Path, ring: bytes = b"") -> Path:
    """A flash file with the image's program and this ring, the rest blank."""
    flash = bytearray(b"\xff" * FLASH_BYTES)
    program = image.read_bytes()
    flash[: len(program)] = program
    flash[RING_OFFSET : RING_OFFSET + len(ring)] = ring
    path.write_bytes(flash)
    return path


def card_with(*amounts: int, first_number: int = 1):
    """A customer's card with a credit token for each amount in micro-units, numbered from `first_number` on."""
    tokens = [sealed_credit(first_number + place, amount) for place, amount in enumerate(amounts)]
    return STATION.customer_card("classic-1k", b"".join(tokens))


def tap(meter: EmulatedMeter, card):
    """Hold the card to the reader until the meter has written its statement, then take it away.

    When this returns the meter has seen that it is gone: every card here has the same UID.
    """
    written = card.writes
    meter.insert(card)
    assert meter.run_until(lambda: card.writes > written, TAP_LIMIT_S)
    meter.run_for(0.5)
    meter.remove(card)
    meter.run_for(GONE_S)


def shows(meter: EmulatedMeter, text: str) -> bool:
    """Whether the display shows `text`."""
    return meter.display.segments() == bytes(render(text))


def unforgiven(meter: EmulatedMeter) -> list:
    """What the chips did not forgive, but for one thing: a program that is interrupted or reset leaves the display in
    the middle of a transfer, and the first start condition of the next one takes it out of there."""
    return [found for found in meter.violations() if found != _LEFT_IN_A_TRANSFER]


def account_in_flash(meter: EmulatedMeter):
    """The account that a start of the meter would find; its books must be even."""
    stores = stores_of(meter.pico)
    assert stores.fault == 0, stores.fault
    money = stores.ledger.account.money
    assert money.bought == money.charged + money.balance
    return stores.ledger.account
