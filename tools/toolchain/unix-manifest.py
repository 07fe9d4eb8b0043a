# Only asyncio is frozen into the MicroPython of the host. The list of the port needs micropython-lib, which Debian lacks.
include("$(MPY_DIR)/extmod/asyncio")
