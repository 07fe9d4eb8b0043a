# The meter's image with clamps: the converter besides everything else.
include("manifest.py")
package("boards", files=("pico/sampler.py",), base_path="../../..")
