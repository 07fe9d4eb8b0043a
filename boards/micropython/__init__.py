"""Code that all boards with MicroPython on a chip share."""
