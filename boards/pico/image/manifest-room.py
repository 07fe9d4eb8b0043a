# The meter's image with a line to a room reader.
include("manifest.py", room=True)
package("boards", files=("micropython/rs485.py",), base_path="../../..")
