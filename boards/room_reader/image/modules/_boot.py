"""Boot script in place of MicroPython's own, which formats storage that it cannot mount: this board has no files."""

from boards.micropython import built_in_modules

built_in_modules.keep_in_memory()
