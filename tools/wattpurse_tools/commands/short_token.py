"""`wattpurse short-token`: the strength and the room of tokens of twenty digits, computed from the code."""

import argparse
import math

from wattpurse.core.messages import short_token
from wattpurse.core.money.token_windows import ISSUERS, WINDOW
from wattpurse.services.attempts import delay_after_s

HOURS_A_YEAR = 8_766
_FLEET = 1_000_000
_TOKENS = 1_000


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `short-token`."""
    parser = subparsers.add_parser("short-token", help="print the arithmetic of tokens of twenty digits")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Print one line for each figure."""
    for name, value in facts():
        print(f"{name:<52}{value}")
    return 0


def facts() -> list[tuple[str, str]]:
    """Return each figure with its name."""
    digits, tags = short_token.DIGITS - 1, short_token.TAGS
    a_year = guesses_in_a_year()
    return [
        ("numbers of nineteen digits", f"10^{digits}, {math.log2(10**digits):.1f} bits"),
        ("issuers", f"{ISSUERS}, {math.log2(ISSUERS):.1f} bits"),
        ("counts that the digits tell apart", f"{short_token.COUNTS}, {math.log2(short_token.COUNTS):.1f} bits"),
        ("tokens that may be lost ahead of one that is typed", f"{short_token.COUNTS - WINDOW - 1}"),
        ("kinds with amounts", f"{short_token.VALUES}, {math.log2(short_token.VALUES):.1f} bits"),
        ("tags", f"{tags}, {math.log2(tags):.1f} bits"),
        ("guesses in the first hour, and in a year", f"{guesses_in_a_time(3_600)}, {a_year}"),
        ("chance of a guess", f"1 in {tags}"),
        ("chance of a year of guesses at one meter", f"1 in {tags // a_year}"),
        ("years until success is as likely as not", f"{math.log(2) * tags / a_year:.0f}"),
        (
            f"chance that one of {_FLEET} meters falls in a year",
            f"{-math.expm1(_FLEET * a_year * math.log1p(-1 / tags)) * 100:.0f} %",
        ),
        (
            f"chance that two of {_TOKENS} tokens have equal tags",
            f"1 in {tags * 2 // (_TOKENS * (_TOKENS - 1))}",
        ),
        ("typing errors of other kinds that pass", "1 in 10"),
    ]


def guesses_in_a_year() -> int:
    """Return the number of guesses that the delay lets a tireless person make in the first year."""
    return guesses_in_a_time(HOURS_A_YEAR * 3_600)


def guesses_in_a_time(duration_s: int) -> int:
    """Return the number of guesses that the delay lets a tireless person make in so many seconds."""
    wrong, now_s = 0, 0
    while now_s < duration_s:
        wrong += 1
        now_s += delay_after_s(wrong)
    return wrong
