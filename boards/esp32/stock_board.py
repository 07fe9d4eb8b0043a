"""The meter's devices on an ESP32 board with stock MicroPython, with the ring of `stock_storage`."""

from boards.esp32 import stock_storage
from boards.esp32.board import build_board_with

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Board


def build_board() -> "Board":
    """Return the devices, with the ledger on the last sectors of the storage."""
    return build_board_with(stock_storage.ring_blocks())
