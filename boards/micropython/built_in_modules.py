"""Built-in modules of MicroPython, kept where every import finds them at once.

MicroPython lets a file extend a built-in module such as `struct`, so each `import struct` searches the filesystem
first (documentation, "Extending built-in libraries from Python"). On an RP2040 one search takes some 2 ms, and a start
makes about thirty. A module in `sys.modules` is found without a search.
"""

import binascii
import struct
import sys
import time

SEARCHED_MODULES = (("binascii", binascii), ("struct", struct), ("time", time))


def keep_in_memory() -> None:
    """Enter the built-in modules that the firmware imports into `sys.modules`."""
    for name, module in SEARCHED_MODULES:
        sys.modules[name] = module
