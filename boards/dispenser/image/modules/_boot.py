"""Boot script in place of MicroPython's own, which formats storage that it cannot mount. A unit has no filesystem."""
