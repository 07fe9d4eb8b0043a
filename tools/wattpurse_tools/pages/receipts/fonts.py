"""The font of printed documents: IBM Plex Sans Arabic, which has Latin and Arabic letters, from its package."""

from importlib.resources import files
from pathlib import Path

REGULAR = "Regular"
BOLD = "Bold"


def font_path(weight: str) -> Path:
    """Return the file of the font in a weight."""
    return Path(str(files("fontpkg_ibm_plex_sans_arabic") / "files" / f"IBMPlexSansArabic-{weight}.ttf"))
