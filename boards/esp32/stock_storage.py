"""Storage layout of a board with stock MicroPython: the ring is the last 576 KiB of partition "vfs".

The filesystem covers the whole partition and must be mounted by `mount_filesystem`, which keeps it off the ring (see
`shared_blocks`). MicroPython's own boot script mounts it without the fence and writes nothing; `boot.py` runs next and
calls `mount_filesystem`. The meter's image needs none of this.
"""

import vfs
from esp32 import Partition

from boards.micropython.shared_blocks import FencedBlocks, LastBlocks

RING_SECTORS = 144

_BLOCK_COUNT = 4


def ring_blocks() -> LastBlocks:
    """Return the sectors of the ledger's ring, as a block device."""
    storage = _storage()
    return LastBlocks(storage, _fence(storage))


def mount_filesystem() -> None:
    """Mount the filesystem on `/`, kept off the ring, in place of the present mount."""
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(_filesystem_blocks()), "/")


def format_filesystem() -> None:
    """Make an empty filesystem that is off the ring. All files are lost; the ring is untouched."""
    vfs.VfsLfs2.mkfs(_filesystem_blocks())
    mount_filesystem()


def _storage() -> "Partition":
    return Partition.find(Partition.TYPE_DATA, label="vfs")[0]


def _fence(storage: "Partition") -> int:
    return storage.ioctl(_BLOCK_COUNT, 0) - RING_SECTORS


def _filesystem_blocks() -> "FencedBlocks":
    storage = _storage()
    return FencedBlocks(storage, _fence(storage))
