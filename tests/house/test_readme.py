"""The README's tables are the program's tables: every code the display can show stands there with its words."""

import re
from pathlib import Path

from wattpurse.core import outcome, supply

README = Path(__file__).parents[2] / "README.md"


def documented_codes() -> dict:
    """Code to words, of every table row that begins with a display code."""
    rows = re.findall(r"^\| `(E \d\d|SErv|PrESS)` \| ([^|]+) \|", README.read_text(), re.MULTILINE)
    return {code: words.strip() for code, words in rows}


def test_every_code_is_explained_in_the_programs_words():
    shown = {code: words for words, code in supply.all_reasons()}
    shown.update({code: words for words, code in outcome.all_outcomes()})
    shown.pop("")
    assert documented_codes() == shown


def test_every_make_target_in_the_readme_exists():
    makefile = (README.parent / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^    )make ([a-z]+)", README.read_text(), re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
