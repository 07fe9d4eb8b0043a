"""The places of this repository, and the files that each rule is about."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# All files that a meter's MicroPython runs, the simulated meter included. The build of an image runs the manifests.
FIRMWARE_FILES = [
    file
    for folder in ("firmware", "boards")
    for file in sorted(ROOT.glob(f"{folder}/**/*.py"))
    if not file.name.startswith("manifest")
]

TOOL_FILES = sorted((ROOT / "tools/wattpurse_tools").rglob("*.py"))

CPYTHON_ONLY_FOLDERS = ("house", "links", "peers", "proof", "silicon", "tools", "unix")


def runs_on_both_pythons(file: Path) -> bool:
    """Return True if the unix port runs this test file too."""
    top_folder = file.relative_to(ROOT / "tests").parts[0]
    return top_folder not in CPYTHON_ONLY_FOLDERS and not file.name.endswith("_properties.py")


UNIX_TEST_FILES = [file for file in sorted(ROOT.glob("tests/**/test_*.py")) if runs_on_both_pythons(file)]
