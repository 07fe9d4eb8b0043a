"""How the storage of a board with stock MicroPython is shared out: the ring is its last 512 KiB.

The filesystem covers all of it and must be mounted by `mount_filesystem`, which keeps it off the ring (see
`shared_blocks`). Between MicroPython's own boot script, which mounts it without the fence and writes nothing, and
`boot.py`, which calls this, nothing else runs. The image of the meter needs none of this.
"""

import rp2
import vfs

from boards.micropython.shared_blocks import FencedBlocks

RING_SECTORS = 128
SECTOR_BYTES = 4096

_PROGRAM_BYTES = 256
_BLOCK_COUNT = 4


def ring_blocks() -> rp2.Flash:
    """The sectors of the ledger's ring, as a block device."""
    return rp2.Flash(start=_fence() * SECTOR_BYTES, len=RING_SECTORS * SECTOR_BYTES)


def mount_filesystem():
    """Mount the filesystem on `/`, kept off the ring, in place of what is mounted there."""
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(_filesystem_blocks(), progsize=_PROGRAM_BYTES), "/")


def format_filesystem():
    """Make an empty filesystem that has nothing on the ring: all files are lost, the ring is untouched."""
    vfs.VfsLfs2.mkfs(_filesystem_blocks(), progsize=_PROGRAM_BYTES)
    mount_filesystem()


def _fence():
    return rp2.Flash().ioctl(_BLOCK_COUNT, 0) - RING_SECTORS


def _filesystem_blocks():
    return FencedBlocks(rp2.Flash(), _fence())
