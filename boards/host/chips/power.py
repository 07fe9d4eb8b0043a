"""Power cuts and resets. Both end the running program at the instruction at which they happen."""


class PowerCut(SystemExit):
    """Raised by a device of the simulated board when its supply fails. Only the simulation catches it.

    It is a SystemExit, so that it leaves the event loop of either Python at once: a task's waiter never gets it.
    """


class BoardReset(SystemExit):
    """Raised by the reset line or the watchdog of the simulated board, which starts the board anew."""
