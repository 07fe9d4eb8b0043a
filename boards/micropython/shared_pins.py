"""Pins that several devices could use: the first device that is built has them."""


class SharedPins:
    """The owners of pins, for devices that are built on demand."""

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}

    def take(self, owner: str, pins: "list[int]") -> bool:
        """Return True if the pins are free or the owner's already. Then they are the owner's."""
        for pin in pins:
            if self._owners.get(pin, owner) != owner:
                return False
        for pin in pins:
            self._owners[pin] = owner
        return True
