"""Every serial port that the tools open: its speed, and the order of its control lines.

The console of an ESP32 runs at 115,200 baud; a Pico's USB line takes any speed. The boards of the ESP32 wire DTR and
RTS of their USB chip to the pins that choose the mode and reset the chip. Windows lets go of DTR before RTS when a port
is closed, which resets the chip. RTS is therefore released first, then DTR, as `mpremote` does it.
"""

import errno

import serial

BAUD = 115_200


class SerialPort(serial.Serial):
    """A port of a meter. `close` leaves the board as it is."""

    def __init__(
        self,
        port: str | None = None,
        timeout: float | None = None,
        write_timeout: float | None = None,
        exclusive: bool | None = None,
    ) -> None:
        super().__init__(port, BAUD, timeout=timeout, write_timeout=write_timeout, exclusive=exclusive)

    def close(self) -> None:
        """Release RTS, then DTR, then the port."""
        if self.is_open:
            self._release_lines()
        super().close()

    def _release_lines(self) -> None:
        """Release the control lines. A pseudo terminal has none, and a board that was unplugged has no more."""
        try:
            self.rts = False
            self.dtr = False
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EIO, errno.ENODEV, errno.ENXIO, errno.EBADF):
                raise
