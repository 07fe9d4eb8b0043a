# What is frozen into the image of the meter. The port's own boot script is left out: it formats what it cannot mount.
module("rp2.py", base_path="$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py", base_path="modules")
include("../manifest.py")
include("../../../manifest.py")
