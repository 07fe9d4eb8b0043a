"""Drivers, one chip or coil per file, each handed its pins and buses."""
