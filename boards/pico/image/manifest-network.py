# The meter's image with TCP/IP: the way to the broker besides everything else.
include("manifest.py", network=True)
package(
    "boards",
    files=(
        "micropython/at_chat.py",
        "micropython/modem.py",
        "micropython/network_link.py",
        "micropython/ppp.py",
        "micropython/wifi.py",
    ),
    base_path="../../..",
)
