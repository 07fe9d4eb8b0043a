"""Layout of the board's flash, and its filesystem.

`image/storage.h` and `board.toml` have the same figures. The ring of the ledger is no part of the filesystem: mounting,
formatting and filling the filesystem never touch it. Nothing here formats unless a person asks for it.
"""

import rp2
import vfs

STORAGE_OFFSET = 0x140000
RING_BYTES = 576 * 1024
FILESYSTEM_BYTES = 192 * 1024

_PROGRAM_BYTES = 256


def ring_blocks() -> rp2.Flash:
    """Return the sectors of the ledger's ring, as a block device of 4,096-byte blocks."""
    return rp2.Flash(start=0, len=RING_BYTES)


def filesystem_blocks() -> rp2.Flash:
    """Return the sectors of the filesystem, as a block device of 4,096-byte blocks."""
    return rp2.Flash(start=RING_BYTES, len=FILESYSTEM_BYTES)


def mount_filesystem() -> None:
    """Mount the filesystem on `/`. Raises OSError if there is none."""
    vfs.mount(vfs.VfsLfs2(filesystem_blocks(), progsize=_PROGRAM_BYTES), "/")


def format_filesystem() -> None:
    """Make an empty filesystem and mount it. All files are lost; the ledger's ring is untouched."""
    vfs.VfsLfs2.mkfs(filesystem_blocks(), progsize=_PROGRAM_BYTES)
    mount_filesystem()
