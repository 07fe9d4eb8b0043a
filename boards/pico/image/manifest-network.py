# The meter's image with TCP/IP: the way to the broker besides everything else.
options.defaults(bluetooth=False)
include("manifest.py", network=True, bluetooth=options.bluetooth, room=True)
package(
    "boards",
    files=(
        "micropython/at_chat.py",
        "micropython/modem.py",
        "micropython/network_link.py",
        "micropython/ppp.py",
        "micropython/rs485.py",
        "micropython/wifi.py",
    ),
    base_path="../../..",
)
