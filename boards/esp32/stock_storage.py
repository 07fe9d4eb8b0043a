"""Storage layout of a board with stock MicroPython: the ring is in partition "vfs", at the place of `ring_place`.

The filesystem covers the whole partition and must be mounted by `mount_filesystem`, which keeps it off the ring and
all blocks behind it (see `shared_blocks`). MicroPython's own boot script mounts it without the fence and writes
nothing; `boot.py` runs next and calls `mount_filesystem`. The meter's image needs none of this.
"""

import vfs
from esp32 import Partition

from boards.micropython.shared_blocks import FencedBlocks, Window

# As in `ring_place`: `deploy` runs this file on boards that have no other module of ours.
RING_OFFSET = 0x370000
RING_SECTORS = 144

_SECTOR_BYTES = 4096
_BLOCK_COUNT = 4
_ADDRESS = 2


def ring_blocks() -> Window:
    """Return the sectors of the ledger's ring, as a block device. Raises OSError if the partition lies elsewhere."""
    storage = _storage()
    return Window(storage, _fence(storage), RING_SECTORS)


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
    fence = (RING_OFFSET - storage.info()[_ADDRESS]) // _SECTOR_BYTES
    if not 0 < fence <= storage.ioctl(_BLOCK_COUNT, 0) - RING_SECTORS:
        raise OSError("the partition 'vfs' of this board does not cover the place of the ledger")
    return fence


def _filesystem_blocks() -> "FencedBlocks":
    storage = _storage()
    return FencedBlocks(storage, _fence(storage))
