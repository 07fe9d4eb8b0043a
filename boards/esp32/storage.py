"""How the flash of the board is shared out: the partitions "ring" and "vfs" of the image's table, and the filesystem.

The ring is a partition of its own, never the NVS, which the chip may erase by itself. ESP-IDF takes writes of any
length and address from any memory, and reports what failed: a plain `BlockFlash` serves it. Nothing here formats unless
a person asks for it.
"""

import vfs
from esp32 import Partition


def ring_blocks() -> Partition:
    """The sectors of the ledger's ring, as a block device. Raises OSError if the board's table has no ring."""
    return _partition("ring")


def mount_filesystem() -> None:
    """Mount the filesystem on `/`. Raises OSError when there is none."""
    vfs.mount(vfs.VfsLfs2(_partition("vfs")), "/")


def format_filesystem() -> None:
    """Make an empty filesystem and mount it: everything in the old one is lost, the ledger's ring is untouched."""
    vfs.VfsLfs2.mkfs(_partition("vfs"))
    mount_filesystem()


def _partition(label):
    found = Partition.find(Partition.TYPE_DATA, label=label)
    if not found:
        raise OSError(f"this board's partition table has no partition '{label}'")
    return found[0]
