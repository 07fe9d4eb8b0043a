# The modules of stock MicroPython's own manifest, boot script included, except those that need micropython-lib.
freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
