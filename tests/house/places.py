"""Where things are in this repository, and which files a rule is about."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# All that a meter's MicroPython runs, the simulated meter's included. A manifest is run by the build of an image.
FIRMWARE_FILES = [
    file
    for folder in ("firmware", "boards")
    for file in sorted(ROOT.glob(f"{folder}/**/*.py"))
    if not file.name.startswith("manifest")
]

CPYTHON_ONLY_FOLDERS = ("house", "proof", "silicon", "tools", "unix")


def runs_on_both_pythons(file: Path) -> bool:
    """Whether a test file is run by the unix port too."""
    top_folder = file.relative_to(ROOT / "tests").parts[0]
    return top_folder not in CPYTHON_ONLY_FOLDERS and not file.name.endswith("_properties.py")


UNIX_TEST_FILES = [file for file in sorted(ROOT.glob("tests/**/test_*.py")) if runs_on_both_pythons(file)]
