# Only asyncio is frozen into the host MicroPython. The list of the port needs micropython-lib, which Debian lacks.
include("$(MPY_DIR)/extmod/asyncio")
