"""Run by MicroPython before anything else, in place of its own script, which formats what it cannot mount."""

import vfs
from esp32 import Partition

found = Partition.find(Partition.TYPE_DATA, label="vfs")
try:
    vfs.mount(vfs.VfsLfs2(found[0]), "/")
except (OSError, IndexError) as error:
    print("No filesystem on this board:", error)
    print("To make one: import vfs; from esp32 import Partition")
    print("             vfs.VfsLfs2.mkfs(Partition.find(Partition.TYPE_DATA, label='vfs')[0])")
