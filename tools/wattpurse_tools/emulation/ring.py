"""The ledger's ring in the flash of an emulated RP2040: its bytes, and the stores that the meter's own code recovers.

The layout is that of boards/pico/storage.py, which only a chip can import.
"""

from boards.host.chips.flash import SECTOR_SIZE, FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.stores import Stores
from wattpurse_tools.emulation.emulator import EmulatedPico

RING_OFFSET = 0x140000
RING_SECTORS = 144
RING_BYTES = RING_SECTORS * SECTOR_SIZE


def ring_flash(content: bytes | bytearray) -> FlashModel:
    """Return a flash with this content, for the meter's own code on this computer. `content` is copied."""
    return FlashModel(VirtualClock(), len(content) // SECTOR_SIZE, RandomBits(1), bytearray(content))


def read_ring(pico: EmulatedPico) -> bytearray:
    """Return the content of the ring now."""
    return bytearray(pico.read_flash(RING_OFFSET, RING_BYTES))


def stores_in(ring: bytearray) -> Stores:
    """Recover settings, events and ledger from a ring. The ring changes as it does when a meter starts.

    `fault` and the account are those that a meter would have if it started with this flash.
    """
    stores = Stores(FlashModel(VirtualClock(), RING_SECTORS, RandomBits(1), ring))
    stores.open()
    return stores


def stores_of(pico: EmulatedPico) -> Stores:
    """Return the stores that a meter would recover if the supply failed now. The flash of `pico` is unchanged."""
    return stores_in(read_ring(pico))
