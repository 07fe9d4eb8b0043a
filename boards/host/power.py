"""What a power cut is to the program that was running: the end, at that very instruction."""


class PowerCut(SystemExit):
    """Raised by a device of the simulated board when the supply fails under it; only the simulation catches it.

    A SystemExit, so that neither Python's event loop hands it to a task's waiter: it leaves the loop at once.
    """
