"""The ledger's ring on an ESP32: the partition of that name, never the NVS, which the chip may erase by itself.

ESP-IDF takes writes of any length and address from any memory, and reports what failed: a plain `BlockFlash` is enough.
"""

from esp32 import Partition

RING_LABEL = "ring"


def ring_blocks() -> Partition:
    """The ring's sectors as a block device. Raises OSError if the board's partition table has none."""
    found = Partition.find(Partition.TYPE_DATA, label=RING_LABEL)
    if not found:
        raise OSError("this board's partition table has no partition 'ring'")
    return found[0]
