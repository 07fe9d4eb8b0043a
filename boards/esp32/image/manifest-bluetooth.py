# The meter's image with Bluetooth: the radio besides everything else. `aioble` comes from the tree's micropython-lib.
include("manifest.py", bluetooth=True)
require("aioble")
package("boards", files=("micropython/ble.py",), base_path="../../..")
