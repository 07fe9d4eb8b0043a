"""What boards that run MicroPython on a chip have in common."""
