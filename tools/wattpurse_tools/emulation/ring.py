"""The ledger's ring in the flash of an emulated RP2040: its bytes, and what the meter's own code reads in them."""

from boards.host.chips.flash import SECTOR_SIZE, FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.stores import Stores

RING_OFFSET = 0x140000
RING_SECTORS = 128
RING_BYTES = RING_SECTORS * SECTOR_SIZE


def read_ring(pico) -> bytearray:
    """The ring as it is now."""
    return bytearray(pico.read_flash(RING_OFFSET, RING_BYTES))


def stores_in(ring: bytearray) -> Stores:
    """Settings, events and ledger recovered from a ring, which is changed as by a start of the meter.

    What `fault` says and what the account holds is what a meter that starts with this flash would know.
    """
    stores = Stores(FlashModel(VirtualClock(), RING_SECTORS, RandomBits(1), ring))
    stores.open()
    return stores


def stores_of(pico) -> Stores:
    """What a meter would recover if the supply failed at this moment; the flash of `pico` stays as it is."""
    return stores_in(read_ring(pico))
