"""What a power cut or a reset is to the program that was running: the end, at that very instruction."""


class PowerCut(SystemExit):
    """Raised by a device of the simulated board when the supply fails under it; only the simulation catches it.

    A SystemExit, so that neither Python's event loop hands it to a task's waiter: it leaves the loop at once.
    """


class BoardReset(SystemExit):
    """Raised by a device of the simulated board that starts the board anew: its reset line, or its watchdog."""
