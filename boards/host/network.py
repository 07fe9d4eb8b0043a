"""The network of the simulated board: that of the computer, which is always up."""


class HostNetwork:
    """The computer's own network, as `hal.Network`."""

    def is_up(self) -> bool:
        """Return True: the computer keeps its own address."""
        return True

    async def bring_up(self, _timeout_ms: int) -> None:
        """Do nothing: the network is up."""

    def take_down(self) -> None:
        """Do nothing: the network belongs to the computer."""
