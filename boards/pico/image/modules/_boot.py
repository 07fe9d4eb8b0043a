"""Run by MicroPython before anything else, in place of its own script, which formats what it cannot mount.

Pulses are counted before anything else is done: what flows before is charged to nobody.
"""

from boards.pico import counter
from boards.pico.pins import GPIO

counter.start_counting(GPIO["pulse"])

from boards.pico import storage  # noqa: E402

try:
    storage.mount_filesystem()
except OSError as error:
    print("No filesystem on this board:", error)
    print("To make one: from boards.pico import storage; storage.format_filesystem()")
