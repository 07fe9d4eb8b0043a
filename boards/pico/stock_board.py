"""The meter's devices on a Raspberry Pi Pico with stock MicroPython: the ring is where `stock_storage` puts it."""

from boards.micropython.chip_board import ChipBoard
from boards.pico import stock_storage
from boards.pico.board import build_board_with


def build_board() -> ChipBoard:
    """The devices, with the ledger on the last sectors of the storage."""
    return build_board_with(stock_storage.ring_blocks())
