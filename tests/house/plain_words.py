"""Find the sentences that have to be read twice, and the function docstrings without a verb in front.

Docstrings, comments, help texts, error messages and documents are read. A sentence is turned if a rule fits it:

    headless    a clause stands for a missing noun: "what the board is" for "the board"
    inverted    the subject comes late: "Of each there are two" for "There are two of each"
    nested      the subject holds a clause within a clause: "A card that shows a total that fell is refused"
    hearsay     a passive hides the program that reports: "it is said of a card" for "the meter reports the card"
    figure      a figure of speech stands for the fact: "this line of the house" for "the rest of the program"

    python -m tests.house.plain_words                    print the share of turned sentences per package
    python -m tests.house.plain_words --list [PATH ...]  print each finding as well, or those below these paths

This is a sieve: it knows the openings that were frequent here, and no grammar.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.house.places import ROOT

LIMIT_PERCENT = 1
FOLDERS = ("firmware", "boards", "tools", "tests")
VERBS_FILE = ROOT / "tests/house/verbs.txt"
DOCUMENTS = (
    "*.md",
    "docs/**/*.md",
    "firmware/**/*.md",
    "boards/**/*.md",
    "tools/wattpurse_tools/**/*.md",
    "tests/**/*.md",
)
HELP_KEYWORDS = ("help", "description", "epilog")

_AUXILIARY = r"(?:is|are|was|were|do|does|did|has|have|had|can|may|must|will|would|should)"
_PREPOSITION = r"(?:Above|After|Among|At|Before|Behind|Below|Beside|Between|By|From|In|On|Under|With|Without)"
_DETERMINER = r"(?:a|an|each|every|it|its|that|the|them|these|this|those)"
_COMES = r"(?:is|are|was|were|there is|there are|comes?|goes|lies?|stands?)"

# A question is a sentence of its own: no rule for an opening fits one.
_NO_QUESTION = r"(?!.*\?$)"

RULES = {
    "headless": (
        rf"^(?:What|Who|Whom|Whose|Whoever|Whatever|Whichever|Which|How|Why)\b{_NO_QUESTION}",
        # "When the card leaves, the field is off" is whole: a comma and a main clause follow.
        rf"^(?:Whether|When|Where)\b(?!.*,){_NO_QUESTION}",
        r"^To be\b",
        r"\b(?:what|whatever|whoever|whomever|whichever)\b",
        # "The customer, who pays, ..." has its noun before the comma.
        r"(?:^|[;:(]\s*|\b(?:of|to|by|for|on|and|or|from|with|as|is|than|not)\s+)who\b",
    ),
    "inverted": (
        r"^Of\b(?! course\b)",
        rf"^(?:Nor|Never|So)\s+{_AUXILIARY}\b",
        r"^Not\b(?! (?:all|any|each|enough|every|everybody|everything|less|more|one)\b)",
        r"^Only (?:here|now|so|then|there)\b",
        r"^Nobody but\b",
        rf"^{_PREPOSITION}(?: {_DETERMINER})?(?: [\w'-]+)? {_COMES} (?:a|an|all|each|every|its|no|the)\b",
    ),
    "nested": (
        # A clause in a clause, and only then the verb of the sentence: "... that the terms set does not count".
        r"^(?:A|An|Any|Each|Every|No|The) [\w'-]+(?: [\w'-]+)? (?:that|which|who) [^,;:]*?"
        rf"(?<!\bso )(?<!\bof )(?<!\bin )(?<!\bto )(?<!\bat )(?<!\bby )(?<!\bon )(?<!\bfor )"
        rf"\b(?:that|which|who) (?:[\w'-]+ ){{3,6}}?{_AUXILIARY}\b",
    ),
    "hearsay": (r"\b(?:is|are|was|were) (?:not )?(?:said|told)\b(?! apart\b)",),
    "figure": (
        r"\b(?:line|rules?) of the house\b",
        r"\bwords last\b",
        r"\blies? there\b",
        r"\b[Gg]o(?:es)? on behind\b",
    ),
}
_COMPILED = {name: [re.compile(pattern) for pattern in patterns] for name, patterns in RULES.items()}

# Literal text and code are quotations, not sentences.
QUOTED = re.compile(r"``[^`]*``|`[^`]*`|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)")
PRAGMA = re.compile(r"#(!|:| *(?:noqa|type:|pyright:|ruff:|fmt:))")


def rule_of(sentence: str) -> str | None:
    """Return the name of the rule that the sentence breaks, or None."""
    plain = QUOTED.sub("X", sentence)
    for name, patterns in _COMPILED.items():
        if any(pattern.search(plain) for pattern in patterns):
            return name
    return None


def sentences(text: str) -> list[str]:
    """Return the sentences of a text. Indented tables and formats are left out."""
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    blocks = re.split(r"\n\s*\n", prose[:1].upper() + prose[1:])
    parts = [part for block in blocks for part in re.split(r"(?<=[.:;!?])\s+", " ".join(block.split()))]
    return [part for part in parts if len(part.split()) > 2]


def turned_sentences(text: str) -> list[str]:
    """Return the sentences of a text that break a rule."""
    return [sentence for sentence in sentences(text) if rule_of(sentence)]


def docstrings(nodes: list[ast.AST]) -> Iterator[tuple[ast.AST, str]]:
    """Yield each node that has a docstring, with the docstring."""
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node, text


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each block of comments."""
    block, begun, last = [], 0, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or PRAGMA.match(token.string):
            continue
        line = token.start[0]
        if block and line != last + 1:
            yield begun, "\n".join(block)
            block = []
        if not block:
            begun = line
        block.append(token.string.lstrip("#").strip())
        last = line
    if block:
        yield begun, "\n".join(block)


def literal(node: ast.AST | None) -> str | None:
    """Return the text of a string or an f-string, with X for each value in it, or None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "X" for part in node.values)
    return None


def messages(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and text of each help text and each error message that is written out in the source."""
    for node in nodes:
        found = []
        if isinstance(node, ast.Call):
            found = [keyword.value for keyword in node.keywords if keyword.arg in HELP_KEYWORDS]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found = node.exc.args[:1]
        for one in found:
            text = literal(one)
            if text:
                yield one.lineno, text


def texts(source: str, nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and text of every docstring, comment, help text and error message of a source."""
    for node, text in docstrings(nodes):
        yield getattr(node, "lineno", 1), text
    yield from comments(source)
    yield from messages(nodes)


def document_texts(document: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each paragraph, list item and table cell of a Markdown document. Headings are left out."""
    is_code = False
    begun, block = 0, []
    for number, line in enumerate([*document.splitlines(), ""], 1):
        if line.startswith("```"):
            is_code = not is_code
        is_cell_row = line.startswith("|")
        is_begin = re.match(r"\s*(?:[-*]|\d+\.)\s", line) is not None
        if block and (is_begin or is_cell_row or is_code or not line.strip()):
            yield begun, " ".join(block)
            block = []
        if is_cell_row:
            yield from ((number, cell.strip()) for cell in line.strip("|").split("|"))
        elif line.strip() and not is_code and not line.startswith(("#", "    ", "```")):
            begun = begun if block else number
            block.append(re.sub(r"^\s*(?:[-*]|\d+\.)?\s+", "", line))


def is_property(node: ast.AST) -> bool:
    """Return True for a property, which is documented as the noun that it is."""
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(one).endswith(("property", ".setter")) for one in decorators)


def known_verbs() -> frozenset[str]:
    """Return the verbs that a docstring may begin with, one per line of `verbs.txt`."""
    return frozenset(VERBS_FILE.read_text().split())


def begins_with_verb(text: str, verbs: frozenset[str]) -> bool:
    """Return True if the docstring's first word is one of `verbs`, in its plain form. "Record of sales" has a noun."""
    first, rest = re.match(r"(\w*)(.*)", text.strip()).groups()
    return first.lower() in verbs and not rest.startswith(" of ")


def verbless_docstrings(nodes: list[ast.AST], verbs: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield line and first line of each function docstring that does not begin with a verb."""
    for node, text in docstrings(nodes):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node)
        if is_function and not begins_with_verb(text, verbs):
            yield node.lineno, text.splitlines()[0]


def package_of(path: Path) -> str:
    """Return the folder that a file is counted under."""
    return path.parent.as_posix()


class Survey:
    """The sentences below `folders` of `root`: how many per package, the turned ones, the docstrings without a verb.

    `counts` is {package: [sentences, turned sentences]}; `turned` and `verbless` are lines that begin with `path:line`.
    """

    def __init__(self, root: Path, folders: tuple[str, ...] = FOLDERS) -> None:
        self.counts: dict[str, list[int]] = {}
        self.turned: list[str] = []
        self.verbless: list[str] = []
        self._verbs = known_verbs()
        for folder in folders:
            for file in sorted((root / folder).rglob("*.py")):
                source = file.read_text()
                nodes = list(ast.walk(ast.parse(source)))
                self._count(file.relative_to(root), texts(source, nodes))
                self._note_verbless(file.relative_to(root), nodes)
        for file in sorted({file for pattern in DOCUMENTS for file in root.glob(pattern)}):
            self._count(file.relative_to(root), document_texts(file.read_text()))

    def _count(self, path: Path, found: Iterator[tuple[int, str]]) -> None:
        count = self.counts.setdefault(package_of(path), [0, 0])
        for line, text in found:
            turned = turned_sentences(text)
            count[0] += len(sentences(text))
            count[1] += len(turned)
            self.turned += [f"{path.as_posix()}:{line}: {rule_of(sentence)}: {sentence}" for sentence in turned]

    def _note_verbless(self, path: Path, nodes: list[ast.AST]) -> None:
        for line, text in verbless_docstrings(nodes, self._verbs):
            self.verbless.append(f"{path.as_posix()}:{line}: no verb: {text}")

    def excesses(self) -> list[str]:
        """Return a line for each package with more turned sentences than the limit allows."""
        return [
            f"{package}: {bad} of {total} sentences"
            for package, (total, bad) in self.counts.items()
            if bad * 100 > total * LIMIT_PERCENT
        ]

    def shares(self) -> list[str]:
        """Return a line for each package: the share of turned sentences."""
        return [
            f"{100 * bad / total:5.1f} % of {total:4} sentences headless or inverted: {package}"
            for package, (total, bad) in sorted(self.counts.items())
            if total
        ]


def main(arguments: list[str]) -> int:
    """Print the share of turned sentences per package. Return 1 if a package is above the limit or lacks a verb."""
    survey = Survey(ROOT)
    print("\n".join(survey.shares()))
    print(f"{len(survey.verbless)} function docstrings do not begin with a verb")
    if "--list" in arguments:
        below = tuple(one for one in arguments if not one.startswith("-"))
        for finding in [*survey.turned, *survey.verbless]:
            if not below or finding.startswith(below):
                print(finding)
    excesses = survey.excesses()
    if excesses or survey.verbless:
        print(f"{len(excesses)} packages are above {LIMIT_PERCENT} %; see `python -m tests.house.plain_words --list`")
    return 1 if excesses or survey.verbless else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
