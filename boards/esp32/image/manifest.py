# What is frozen into the image of the meter, without the boot scripts of the port: they format what they cannot mount.
module("espnow.py", base_path="$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py", base_path="modules")
include("../manifest.py")
include("../../../manifest.py")
