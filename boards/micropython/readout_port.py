"""The serial line of a readout head on a UART of the chip: seven bits, even parity, one stop bit.

The UART makes the parity bit and takes it off. It does not tell a wrong one: the block check of the protocol does.
"""

from machine import UART

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from machine import Pin

_START_BAUD = 300
_BITS = 7
_EVEN = 0
_STOP_BITS = 1
_BUFFER_BYTES = 256


class UartReadoutPort:
    """The line of `hal.ReadoutPort` on UART `number`, by the pins `send` and `receive`."""

    def __init__(self, number: int, send: "Pin", receive: "Pin") -> None:
        self._uart = UART(
            number,
            baudrate=_START_BAUD,
            bits=_BITS,
            parity=_EVEN,
            stop=_STOP_BITS,
            tx=send,
            rx=receive,
            txbuf=_BUFFER_BYTES,
            rxbuf=_BUFFER_BYTES,
            timeout=0,
        )

    def set_baud(self, baud: int) -> None:
        """Change the speed. Characters that were not read are lost."""
        self._uart.init(baudrate=baud, bits=_BITS, parity=_EVEN, stop=_STOP_BITS, timeout=0)

    def read(self, buffer: bytearray) -> int:
        """Fill `buffer` as far as characters have arrived. Return their number."""
        return (self._uart.readinto(buffer) or 0) if self._uart.any() else 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send up to 32 characters: they fit into the buffer of the UART."""
        self._uart.write(data)

    def is_sent(self) -> bool:
        """Return True once the last character has left the chip."""
        return self._uart.txdone()
