# Modules frozen into the meter's image, without the port's boot script, which formats storage that it cannot mount.
module("rp2.py", base_path="$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py", base_path="modules")
include("../manifest.py")
options.defaults(network=False, bluetooth=False, room=False)
include("../../../manifest.py", network=options.network, bluetooth=options.bluetooth, room=options.room)
