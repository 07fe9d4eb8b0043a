# The meter's image with TCP/IP: the way to the broker besides everything else.
include("manifest.py")
