"""Run by MicroPython before anything else, in place of its own script, which formats what it cannot mount.

Pulses are counted before anything else is done: what flows before is charged to nobody.
"""

from boards.esp32 import counter
from boards.esp32.pins import GPIO

counter.start_counting(GPIO["pulse"])

from boards.esp32 import storage  # noqa: E402

try:
    storage.mount_filesystem()
except OSError as error:
    print("No filesystem on this board:", error)
    print("To make one: from boards.esp32 import storage; storage.format_filesystem()")
