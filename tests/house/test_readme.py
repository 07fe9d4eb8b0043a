"""The documents describe the program as it is: codes, terms, files, stories, links and make targets."""

import re
import shlex
from pathlib import Path

import pytest

from boards.host.world.commissioning import PIN
from tests.house.places import ROOT
from wattpurse.core import outcome
from wattpurse.core.money import supply, terms
from wattpurse_tools import cli

README = ROOT / "README.md"
README_LINES = 190
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests/proof/README.md"])

# A path in backticks may be written from one of these folders.
FOLDERS = ("", "firmware/wattpurse", "firmware/wattpurse/services", "tests/proof", "tools/wattpurse_tools")
PATH_PATTERN = r"`([a-z][\w.-]*(?:/[\w.-]+)*/[\w-]+\.(?:py|toml|md|csv|svg|txt)|[a-z_]+\.py)`"
TERM_SUFFIXES = r"(?:microunits|mwh|days|minute|percent|permyriad|priority)"
FENCE = re.compile(r"```.*?```", re.DOTALL)


def every_document():
    """Run a test once for each document."""
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())


def documented_codes() -> dict:
    """Return `{code: words}` of every table row that begins with a display code."""
    text = (ROOT / "docs/display.md").read_text()
    rows = re.findall(r"^\| `(E \d\d|SErv|PrESS)` \| ([^|]+) \|", text, re.MULTILINE)
    return {code: words.strip() for code, words in rows}


def missing_paths(text: str) -> list[str]:
    """Return the files that a text names in backticks and that the repository does not have."""
    return [
        path
        for path in sorted(set(re.findall(PATH_PATTERN, text)))
        if "<" not in path and not any((ROOT / folder / path).exists() for folder in FOLDERS)
    ]


def broken_links(document: Path) -> list[str]:
    """Return the relative links and pictures of a document that lead nowhere."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", document.read_text()))
    return [target for target in targets if "://" not in target and not (document.parent / target).exists()]


def unknown_targets(text: str) -> list[str]:
    """Return the make targets that a text names and that the Makefile does not have."""
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|^    )make ([a-z]+)", text, re.MULTILINE))
    return [target for target in sorted(named) if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def command_lines(text: str) -> list[list[str]]:
    """Return the words of each `wattpurse` command line in the literal blocks of a text.

    The comment and the file that the shell writes the output to are no words of the command.
    """
    lines = re.findall(r"^    (?:\.venv/bin/)?wattpurse ([a-z].*?)(?: > \S+)?(?:  .*)?$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def misspelt(lines: list[list[str]]) -> list[str]:
    """Return the command lines that the command's parser refuses."""
    parser = cli.build_parser(cli.COMMANDS)
    found = []
    for words in lines:
        try:
            parser.parse_args(words)
        except SystemExit:
            found.append(" ".join(words))
    return found


def test_every_code_is_explained_in_the_programs_words():
    shown = {code: words for words, code in supply.all_reasons()}
    shown.update({code: words for words, code in outcome.all_outcomes()})
    shown.pop("")
    assert documented_codes() == shown


def test_the_readme_states_the_pin_of_a_simulated_meter():
    assert re.search(rf"PIN for\s+`login` at its console is `{PIN}`", README.read_text())


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= README_LINES


def test_the_readme_links_to_every_document():
    text = README.read_text()
    missing = [
        file.name for file in DOCUMENTS if file != README and f"({file.relative_to(ROOT).as_posix()})" not in text
    ]
    assert missing == []


@every_document()
def test_every_link_leads_somewhere(document):
    assert broken_links(document) == []


@every_document()
def test_every_file_that_is_named_exists(document):
    assert missing_paths(document.read_text()) == []


@every_document()
def test_every_make_target_that_is_named_exists(document):
    assert unknown_targets(document.read_text()) == []


@every_document()
def test_every_command_line_is_one_of_the_command(document):
    assert misspelt(command_lines(document.read_text())) == []


def test_the_documents_have_command_lines():
    assert sum(len(command_lines(document.read_text())) for document in DOCUMENTS) > 30


def test_the_checks_of_documents_can_fail(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("See [the page](nowhere.md) and `core/money/nowhere.py`.\n\n    make nothing\n")
    assert broken_links(document) == ["nowhere.md"]
    assert missing_paths(document.read_text()) == ["core/money/nowhere.py"]
    assert unknown_targets(document.read_text()) == ["nothing"]
    assert misspelt(command_lines("    wattpurse card peel tenant      take it off\n")) == ["card peel tenant"]


def test_every_story_that_is_named_exists():
    tests = "\n".join(file.read_text() for file in ROOT.glob("tests/**/*.py"))
    names = {name for file in DOCUMENTS for name in re.findall(r"`(Test[A-Za-z]+)`", file.read_text())}
    assert len(names) > 10
    assert [name for name in sorted(names) if f"class {name}(" not in tests] == []


def test_every_term_that_is_named_exists():
    names = {
        name
        for document in ("contracts", "display")
        for name in re.findall(rf"`([a-z_]+_{TERM_SUFFIXES})`", (ROOT / f"docs/{document}.md").read_text())
    }
    assert len(names) > 10
    assert [name for name in sorted(names) if name not in terms.names()] == []


def test_every_term_is_documented():
    text = (ROOT / "docs/contracts.md").read_text() + (ROOT / "docs/display.md").read_text()
    assert [name for name in terms.names() if f"`{name}`" not in text] == []
