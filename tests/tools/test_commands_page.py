"""docs/commands.md documents every subcommand, argument and option of `wattpurse`."""

import argparse
import re
from collections.abc import Iterator

from tests.house.places import ROOT
from tests.house.translations import refusal_texts
from wattpurse_tools import cli
from wattpurse_tools.completion import subparsers_of

PAGE = ROOT / "docs/commands.md"

STATION_SECTION = "Options of the station"


def sections_of(page: str) -> dict[str, str]:
    """Return the text below each heading, by heading."""
    parts = re.split(r"^#+ (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(section: str) -> list[str]:
    """Return the first cell of each row of the section's tables."""
    return [cell.replace("\\|", "|") for cell in re.findall(r"^\| ((?:[^|\\]|\\.)+) \|", section, flags=re.MULTILINE)]


def explained(section: str) -> set[str]:
    """Return the options and arguments that a row of the section's tables begins with."""
    return {quoted.split(" ")[0] for cell in first_cells(section) for quoted in re.findall(r"`([^`]+)`", cell)}


def commands_below(
    parser: argparse.ArgumentParser, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Yield the parser and all subparsers, each with its path, such as `("wattpurse", "card", "new")`."""
    yield path, parser
    for action in parser._actions:
        for name, subparser in subparsers_of(action):
            yield from commands_below(subparser, (*path, name))


def shown_name(action: argparse.Action) -> str:
    """Return the name of a positional argument as the page writes it."""
    return str(action.metavar or action.dest.upper())


def gaps_of(parser: argparse.ArgumentParser, page: str) -> list[str]:
    """Return a line for each subcommand, argument and option that the page leaves out."""
    sections = sections_of(page)
    common = explained(sections[STATION_SECTION])
    gaps = []
    for path, command in commands_below(parser, ("wattpurse",)):
        heading = "The `wattpurse` command" if len(path) == 1 else " ".join(path)
        if heading in sections:
            section, row = sections[heading], None
        else:
            section = sections.get(" ".join(path[:-1]), "")
            row = next((cell for cell in first_cells(section) if re.match(rf"`{re.escape(path[-1])}[ `]", cell)), None)
            if row is None:
                gaps.append(f"{' '.join(path)}: neither a section nor a row")
                continue
        names = explained(section)
        for action in command._actions:
            if action.dest == "help" or subparsers_of(action):
                continue
            if action.option_strings:
                is_common = action.option_strings[-1] in common and f"`{action.option_strings[-1]}`" in section
                missing = [] if is_common else [name for name in action.option_strings if name not in names]
            elif row is not None:
                missing = [] if shown_name(action) in re.split(r"[][ `]+", row) else [shown_name(action)]
            else:
                missing = [] if shown_name(action) in names else [shown_name(action)]
            gaps += [f"{' '.join(path)} {name}" for name in missing]
    return gaps


def test_every_subcommand_argument_and_option_is_documented():
    assert gaps_of(cli.build_parser(cli.COMMANDS), PAGE.read_text()) == []


def test_every_section_is_there_once():
    headings = re.findall(r"^#+ (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    assert sorted(headings) == sorted(set(headings))


def test_every_section_and_option_of_the_page_exists():
    parser = cli.build_parser(cli.COMMANDS)
    parsers = {" ".join(path): command for path, command in commands_below(parser, ("wattpurse",))}
    for heading, section in sections_of(PAGE.read_text()).items():
        if not heading.startswith("wattpurse"):
            continue
        assert heading in parsers, heading
        known = {name for action in parsers[heading]._actions for name in action.option_strings}
        for action in parsers[heading]._actions:
            for _, kind in subparsers_of(action):
                known |= {name for inner in kind._actions for name in inner.option_strings}
        for name in explained(section):
            assert not name.startswith("-") or name in known, f"{heading} has no {name}"


def unknown_commands(parser: argparse.ArgumentParser, text: str) -> list[str]:
    """Return the commands of a text that there are not, such as "wattpurse card fly". Words behind actions are free."""
    parsers = {path for path, _ in commands_below(parser, ("wattpurse",))}
    with_actions = {path[:-1] for path in parsers}
    unknown = []
    for found in re.findall(r"wattpurse(?: [a-z][a-z-]*)+", text):
        path: tuple[str, ...] = ("wattpurse",)
        for word in found.split()[1:]:
            if path not in with_actions:
                break
            path = (*path, word)
            if path not in parsers:
                unknown.append(" ".join(path))
                break
    return unknown


def test_every_command_that_a_refusal_or_a_document_names_exists():
    parser = cli.build_parser(cli.COMMANDS)
    texts = [text for _, text, _ in refusal_texts()]
    for page in (ROOT / "docs").rglob("*.md"):
        texts += ["".join(parts) for parts in re.findall(r"`([^`\n]+)`|^    (.*)$", page.read_text(), re.MULTILINE)]
    assert len(texts) > 1000
    assert [one for text in texts for one in unknown_commands(parser, text)] == []
    assert unknown_commands(parser, "add it with: wattpurse office tariff add") == ["wattpurse office tariff"]


def test_planted_gaps_are_found():
    parser = cli.build_parser(cli.COMMANDS)
    subparsers = next(dict(subparsers_of(action)) for action in parser._actions if subparsers_of(action))
    subparsers["bill"].add_argument("--planted")
    subparsers["pins"].add_argument("planted")
    # An option of another command is no documentation of this one.
    subparsers["console"].add_argument("--tariff")
    # A common option counts only where the section names it.
    subparsers["deploy"].add_argument("--keys")
    kinds = next(dict(subparsers_of(action)) for action in subparsers["token"]._actions if subparsers_of(action))
    kinds["money"].add_argument("other", metavar="OTHER")
    next(action for action in parser._actions if subparsers_of(action)).add_parser("planted")
    assert sorted(gaps_of(parser, PAGE.read_text())) == [
        "wattpurse bill --planted",
        "wattpurse console --tariff",
        "wattpurse deploy --keys",
        "wattpurse pins PLANTED",
        "wattpurse planted: neither a section nor a row",
        "wattpurse token money OTHER",
    ]


def test_row_that_is_left_out_is_found():
    page = PAGE.read_text()
    for line in ("| `money AMOUNT` | Credit of money. |\n", "### wattpurse meter list\n"):
        assert line in page
        assert len(gaps_of(cli.build_parser(cli.COMMANDS), page.replace(line, ""))) == 1
