"""Every serial port that the tools open: its speed, and the order of its control lines.

The console of an ESP32 runs at 115,200 baud; a Pico's USB line takes any speed. The boards of the ESP32 wire DTR and
RTS of their USB chip to the pins that choose the mode and reset the chip. Windows lets go of DTR before RTS when a port
is closed, which resets the chip. RTS is therefore released first, then DTR, as `mpremote` does it.

A readout head has a port of its own: IEC 62056-21 begins at 300 baud, with seven bits and even parity.
"""

import errno
import sys

import serial

BAUD = 115_200
READOUT_BAUD = 300
READOUT_TIMEOUT_S = 0.1


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


class ReadoutLine(serial.Serial):
    """A port with a readout head. DTR and RTS stay set: many heads take their supply from them.

    A pseudo terminal has no parity, and refuses a change that asks for parity alone. It carries seven bits as they are.
    """

    def __init__(self, port: str) -> None:
        super().__init__(timeout=READOUT_TIMEOUT_S, exclusive=True)
        self.port = port
        self.baudrate = READOUT_BAUD
        self.bytesize, self.parity = serial.SEVENBITS, serial.PARITY_EVEN
        try:
            self.open()
        except _refusal():
            self.bytesize, self.parity = serial.EIGHTBITS, serial.PARITY_NONE
            self.open()

    def set_baud(self, baud: int) -> None:
        """Change the speed."""
        if baud != self.baudrate:
            self.baudrate = baud


def _refusal() -> type[Exception]:
    """Return the error of a terminal that refuses a setting. Windows has no such terminals."""
    return getattr(sys.modules.get("termios"), "error", OSError)
