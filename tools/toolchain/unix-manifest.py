# Frozen into the host's MicroPython: asyncio alone. The port's own list needs micropython-lib, which Debian leaves out.
include("$(MPY_DIR)/extmod/asyncio")
