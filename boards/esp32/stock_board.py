"""The meter's devices on an ESP32 board with stock MicroPython: the ring is where `stock_storage` puts it."""

from boards.esp32 import stock_storage
from boards.esp32.board import build_board_with
from boards.micropython.chip_board import ChipBoard


def build_board() -> ChipBoard:
    """The devices, with the ledger on the last sectors of the storage."""
    return build_board_with(stock_storage.ring_blocks())
