# The meter's image with Wi-Fi and Bluetooth. `aioble` comes from the tree's micropython-lib.
include("manifest-network.py", bluetooth=True)
require("aioble")
package("boards", files=("micropython/ble.py",), base_path="../../..")
