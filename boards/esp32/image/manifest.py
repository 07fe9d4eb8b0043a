# Modules frozen into the meter's image, without the port's boot scripts, which format storage that they cannot mount.
module("espnow.py", base_path="$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py", base_path="modules")
include("../manifest.py")
options.defaults(bluetooth=False)
include("../../../manifest.py", network=True, bluetooth=options.bluetooth, room=True)
