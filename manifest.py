# Modules frozen into the image of every board. A board's own manifest includes this one.
import pathlib

# An import looks through the names of the image from its begin. The start imports neither console nor clamps: they come
# last, so that they cost it nothing.
CONSOLE = "services/console/"
CLAMPS = (
    "core/leg_energy.py",
    "drivers/atm90e32.py",
    "drivers/atm90e32_calibration.py",
    "drivers/chip_front_end.py",
    "drivers/clamp_calibration.py",
    "drivers/ct_calibration.py",
    "drivers/ct_front_end.py",
    "drivers/ct_kernel.py",
    "drivers/ct_readings.py",
    "drivers/viper_names.py",
    "services/clamps.py",
    "services/console/clamps.py",
    "services/metering_chip.py",
)
WATTPURSE = pathlib.Path("firmware/wattpurse")
FILES = sorted(path.relative_to(WATTPURSE).as_posix() for path in WATTPURSE.rglob("*.py"))

EARLY = [name for name in FILES if name not in CLAMPS and not name.startswith(CONSOLE)]

package("wattpurse", files=EARLY, base_path="firmware")
module("main.py", base_path="firmware")
package("wattpurse", files=[name for name in FILES if name not in EARLY], base_path="firmware")
