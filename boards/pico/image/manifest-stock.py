# Stock MicroPython as its own manifest has it, boot script included, less what needs micropython-lib.
freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
