# The meter's image with clamps: the converter besides everything else.
include("manifest.py")
package("boards", files=("pico/clamp_sums.py", "pico/sampler.py"), base_path="../../..")
