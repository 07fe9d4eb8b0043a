"""The digits of a room reader: content and brightness come together, and one sending shows both.

A class of its own, because a meter has no memory to spare for a method that it does not use.
"""

from wattpurse.drivers.led_display import LedDisplay


class RoomDigits(LedDisplay):
    """Six digits, as `LedDisplay`, that take digits and brightness at once."""

    def show_anew(self, segments: bytes | bytearray, level: int) -> None:
        """Light six digits in one sending, even if nothing changed. Raises OSError when the chip does not answer."""
        self._wanted[:] = segments
        self._level = level
        self._is_on = True
        self._send()
