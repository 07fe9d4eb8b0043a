"""A commissioned meter on the emulated chip, for most tests: its flash was made on the simulated board.

The ring is identical on every board, so a meter commissioned on the simulated board continues on the chip.
"""

from pathlib import Path

from boards.host.cards.iso14443a import Card
from tests.stories.whole_meter import PIN, Station, commissioned_world, sealed_credit
from wattpurse.drivers.segments import render
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.ring import RING_OFFSET, stores_of

FLASH_BYTES = 2 * 1024 * 1024
TAP_LIMIT_S = 6
GONE_S = 0.7
STATION = Station()
_LEFT_IN_A_TRANSFER = "display: data fell while the clock was high inside a transfer"


def commissioned_ring() -> bytes:
    """Return the ring of a meter that was commissioned for prepaid money and has no credit yet."""
    world = commissioned_world()
    world.close()
    return bytes(world.hardware.flash.memory)


def write_flash(path: Path, image: Path, ring: bytes = b"") -> Path:
    """Write a flash file with the image's program and this ring, the rest blank. Return its path."""
    flash = bytearray(b"\xff" * FLASH_BYTES)
    program = image.read_bytes()
    flash[: len(program)] = program
    flash[RING_OFFSET : RING_OFFSET + len(ring)] = ring
    path.write_bytes(flash)
    return path


def card_with(*amounts: int, first_number: int = 1) -> Card:
    """Return a customer's card with a credit token for each amount in micro-units, numbered from `first_number` on."""
    tokens = [sealed_credit(first_number + place, amount) for place, amount in enumerate(amounts)]
    return STATION.customer_card("classic-1k", b"".join(tokens))


def tap(meter: EmulatedMeter, card: Card) -> None:
    """Hold the card to the reader until the meter has written its statement, then take it away.

    Afterwards wait until the meter has seen that the card is gone: every card here has the same UID.
    """
    written = card.writes
    meter.insert(card)
    assert meter.run_until(lambda: card.writes > written, TAP_LIMIT_S)
    meter.run_for(0.5)
    meter.remove(card)
    meter.run_for(GONE_S)


def log_in(meter: EmulatedMeter) -> None:
    """Get the right to interrupt the program of a commissioned meter."""
    assert meter.type_line("login " + PIN)[0].startswith("logged in")


def shows(meter: EmulatedMeter, text: str) -> bool:
    """Return True if the display shows `text`."""
    return meter.display.segments() == bytes(render(text))


def unforgiven(meter: EmulatedMeter) -> list:
    """Return every breach of a data sheet except one.

    A program that is interrupted or reset leaves the display in the middle of a transfer. The first start condition of
    the next transfer ends that state.
    """
    return [found for found in meter.violations() if found != _LEFT_IN_A_TRANSFER]


def account_in_flash(meter: EmulatedMeter):
    """Return the account that a start of the meter would find. Check that its totals agree."""
    stores = stores_of(meter.pico)
    assert stores.fault == 0, stores.fault
    money = stores.ledger.account.money
    assert money.bought == money.charged + money.balance
    return stores.ledger.account
