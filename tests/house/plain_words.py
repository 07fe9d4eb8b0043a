"""Count the sentences in docstrings that a reader has to turn round, and the function docstrings without a verb.

A sentence counts as headless if a clause in it stands for a noun that is missing: "what the board is" says "the board".
A sentence counts as inverted if its subject comes late: "Of each there are two" says "There are two of each".

    python -m tests.house.plain_words            print the share per package, and every finding with --list
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.places import ROOT

LIMIT_PERCENT = 1
FOLDERS = ("firmware", "boards", "tools", "tests")

OPENING = re.compile(
    r"(What|Who|Whom|Whose|Whoever|Whatever|Whichever|Of|To be|Nor|Never|Only then|So|Neither|Nobody but|Not)\b"
    r"(?!.*\?$)"
)
HANGING = re.compile(
    r"\b(what|whatever|whoever|whomever|whichever)\b|(?:^|[,;:(]|\b(?:of|to|by|for|on|and|or|from|with|as|is|than|not))\s+who\b"
)
# Literal text and code are quotations, not sentences.
QUOTED = re.compile(r"``[^`]*``|`[^`]*`|\"[^\"]*\"")

VERBS_FILE = ROOT / "tests/house/verbs.txt"


def docstrings(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield each node that has a docstring, with the docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node, text


def sentences(text: str) -> list[str]:
    """Return the sentences of a docstring. Indented tables and formats are left out."""
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    blocks = re.split(r"\n\s*\n", prose)
    parts = [part for block in blocks for part in re.split(r"(?<=[.:;!?])\s+", " ".join(block.split()))]
    return [part for part in parts if len(part.split()) > 2]


def is_turned(sentence: str) -> bool:
    """Return True if the sentence is headless or inverted."""
    plain = QUOTED.sub("X", sentence)
    return bool(OPENING.match(plain) or HANGING.search(plain))


def is_property(node: ast.AST) -> bool:
    """Return True for a property, which is documented as the noun that it is."""
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(one).endswith(("property", ".setter")) for one in decorators)


def known_verbs() -> frozenset:
    """Return the verbs that a docstring may begin with, one per line of `verbs.txt`."""
    return frozenset(VERBS_FILE.read_text().split())


def begins_with_verb(text: str, verbs: frozenset) -> bool:
    """Return True if the docstring's first word is one of `verbs`, in its plain form."""
    return re.split(r"\W", text.strip(), maxsplit=1)[0].lower() in verbs


def package_of(path: Path) -> str:
    """Return the folder that a file is counted under."""
    return path.parent.as_posix()


def survey(root: Path, folders: tuple[str, ...] = FOLDERS) -> tuple[dict, list[str], list[str]]:
    """Return `{package: [sentences, turned sentences]}`, the turned sentences, and the docstrings without a verb."""
    counts, turned, verbless = {}, [], []
    verbs = known_verbs()
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            path = file.relative_to(root)
            count = counts.setdefault(package_of(path), [0, 0])
            for node, text in docstrings(ast.parse(file.read_text())):
                place = f"{path.as_posix()}:{getattr(node, 'lineno', 1)}"
                for sentence in sentences(text):
                    count[0] += 1
                    if is_turned(sentence):
                        count[1] += 1
                        turned.append(f"{place}: {sentence}")
                is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node)
                if is_function and not begins_with_verb(text, verbs):
                    verbless.append(f"{place}: {text.splitlines()[0]}")
    return counts, turned, verbless


def excesses(counts: dict) -> list[str]:
    """Return a line for each package with more turned sentences than the limit allows."""
    return [
        f"{package}: {bad} of {total} sentences"
        for package, (total, bad) in counts.items()
        if bad * 100 > total * LIMIT_PERCENT
    ]


def main(arguments: list[str]) -> int:
    """Print the share of turned sentences per package. Return 1 if any package is above the limit."""
    counts, turned, verbless = survey(ROOT)
    for package, (total, bad) in counts.items():
        if total:
            print(f"{100 * bad / total:5.1f} % of {total:4} sentences headless or inverted: {package}")
    print(f"{len(verbless)} function docstrings do not begin with a verb")
    if "--list" in arguments:
        prefixes = tuple(one for one in arguments if not one.startswith("-"))
        for finding in [*turned, *(f"no verb: {one}" for one in verbless)]:
            if not prefixes or finding.removeprefix("no verb: ").startswith(prefixes):
                print(finding)
    return 1 if excesses(counts) or verbless else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
