"""Places of the sources that the host tools put onto boards. They are in this repository, as the tools are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
BOARDS = ROOT / "boards"
MPY_CROSS_FINDER = (ROOT / "tools/toolchain/micropython", "mpy-cross")
UMQTT = ROOT / "build/umqtt"
UMQTT_FINDER = (ROOT / "tools/toolchain/umqtt",)
