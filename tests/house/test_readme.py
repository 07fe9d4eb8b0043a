"""The README's tables are the program's tables: every code the display can show stands there with its words."""

import re
from pathlib import Path

from boards.host.world.commissioning import PIN
from wattpurse.core import outcome
from wattpurse.core.money import supply, terms

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


def test_the_pin_of_a_simulated_meter_is_told():
    assert f"`login` at their console is `{PIN}`" in README.read_text()


def test_every_make_target_in_the_readme_exists():
    makefile = (README.parent / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^    )make ([a-z]+)", README.read_text(), re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_story_and_file_that_the_readme_names_exists():
    text = README.read_text()
    tests = "\n".join(file.read_text() for file in README.parent.glob("tests/**/*.py"))
    for name in set(re.findall(r"`(Test[A-Za-z]+)`", text)):
        assert f"class {name}(" in tests, name
    for path in set(re.findall(r"`((?:tests|tools|firmware)/[a-z_/]+\.(?:py|toml))`", text)):
        assert (README.parent / path).exists(), path
    for path in set(re.findall(r"`((?:core|services)/[a-z_]+\.py)`", text)):
        assert (README.parent / "firmware/wattpurse" / path).exists(), path


def test_every_term_of_the_readmes_tables_is_one():
    rows = [row for row in README.read_text().split("\n") if row.startswith("| ")]
    suffixes = r"(?:microunits|mwh|days|minute|percent|permyriad|priority)"
    for name in set(re.findall(rf"`([a-z_]+_{suffixes})`", "\n".join(rows))):
        assert name in terms.names(), name
