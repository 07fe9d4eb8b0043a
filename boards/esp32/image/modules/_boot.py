"""Run by MicroPython before anything else, in place of its own script, which formats what it cannot mount."""

from boards.esp32 import storage

try:
    storage.mount_filesystem()
except OSError as error:
    print("No filesystem on this board:", error)
    print("To make one: from boards.esp32 import storage; storage.format_filesystem()")
