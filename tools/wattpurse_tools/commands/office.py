"""`wattpurse office`: set an office up, serve its pages, and govern who may log in."""

import argparse

from wattpurse_tools.commands import office_books, office_people, office_serving

_DESCRIPTION = """\
The office is one record, a vault for the keys, and pages for the people who sell, rule and report. `start` sets one up
if there is none, and serves it. docs/office.md is a walk through it."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `office` and its actions."""
    parser = subparsers.add_parser("office", help="set an office up and serve its pages", description=_DESCRIPTION)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for part in (office_serving, office_people, office_books):
        part.add_actions(actions)
