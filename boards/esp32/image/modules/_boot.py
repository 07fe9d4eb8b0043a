"""Boot script in place of MicroPython's own, which formats storage that it cannot mount.

It takes all current from the coils first. Then it starts the pulse counter before anything else: energy that flows
earlier is charged to nobody.
"""

from boards.esp32.pins import CHIP, GPIO
from boards.micropython import coils

coils.release(GPIO, CHIP)

from boards.esp32 import counter  # noqa: E402

counter.start_counting(GPIO["pulse"])

from boards.esp32 import storage  # noqa: E402
from boards.micropython import built_in_modules  # noqa: E402

built_in_modules.keep_in_memory()

try:
    storage.mount_filesystem()
except OSError as error:
    print("No filesystem on this board:", error)
    print("To make one: from boards.esp32 import storage; storage.format_filesystem()")
