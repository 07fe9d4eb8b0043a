"""Drivers, one chip or coil per file. Each gets its pins and buses as arguments."""
