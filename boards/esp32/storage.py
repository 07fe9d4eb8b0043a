"""Layout of the board's flash: the partitions "ring" and "vfs" of the image's table, and the filesystem.

The ring is a partition of its own, not the NVS, which the chip may erase by itself. ESP-IDF takes writes of any length
and address from any memory and reports failures, so a plain `BlockFlash` is enough. Nothing here formats unless a
person asks for it.
"""

import vfs
from esp32 import Partition


def ring_blocks() -> Partition:
    """Return the sectors of the ledger's ring, as a block device. Raises OSError if the board's table has no ring."""
    return _partition("ring")


def mount_filesystem() -> None:
    """Mount the filesystem on `/`. Raises OSError if there is none."""
    vfs.mount(vfs.VfsLfs2(_partition("vfs")), "/")


def format_filesystem() -> None:
    """Make an empty filesystem and mount it. All files are lost; the ledger's ring is untouched."""
    vfs.VfsLfs2.mkfs(_partition("vfs"))
    mount_filesystem()


def _partition(label: str) -> "Partition":
    found = Partition.find(Partition.TYPE_DATA, label=label)
    if not found:
        raise OSError(f"this board's partition table has no partition '{label}'")
    return found[0]
