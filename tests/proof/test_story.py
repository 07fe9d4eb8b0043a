"""The story of `make run </dev/null`: its exit status, its chapters in order, and the sums of its last line."""

import os
import re
import subprocess
from decimal import Decimal

from tests.house.places import ROOT

CHAPTERS = (
    "commissions it",
    "vending station: card tenant: 5.00 EUR",
    "supply closes",
    "midnight",
    "low-credit warning",
    "supply opens",
    "vending station: card tenant: 10.00 EUR",
    "supply closes",
    "vending station: card tenant: 7.50 EUR",
    "the mains fail in the middle of a tap",
    "the mains are back",
    "counts once",
    "the mains fail while the house sleeps",
    "the mains are back",
    "the card tells the station",
)
SECONDS_ALLOWED = 600


def story_of(tool_path: str, *options: str) -> subprocess.CompletedProcess:
    """Return the story as a program without a terminal gets it, with `tool_path` in front of PATH."""
    return subprocess.run(
        [ROOT / "tools/toolchain/unix-run", "boards/host/run.py", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_ALLOWED,
        env={**os.environ, "PATH": f"{tool_path}:{os.environ['PATH']}"},
    )


def test_it_ends_well_and_adds_up():
    story = story_of(str(ROOT / ".venv/bin"))
    assert story.returncode == 0, story.stdout + story.stderr
    assert_chapters(story.stdout.splitlines()[:-1])
    assert_sums(story.stdout)


def test_a_house_with_clamps_is_metered_and_wrong_clamps_are_told():
    story = story_of(str(ROOT / ".venv/bin"), "--front-end", "ct")
    assert story.returncode == 0, story.stdout + story.stderr
    errors = [float(error) for error in re.findall(r"error (\S+) %", story.stdout)]
    assert len(errors) == 3
    assert all(abs(error) < 3 for error in errors), "a step of the ledger is 1.6 % of the first chapter"
    assert "L2: the clamp reads backwards" in story.stdout
    assert "L2: nothing is plugged in for the clamp" in story.stdout


def test_a_house_with_a_metering_chip_is_metered_through_a_reset_of_the_chip():
    story = story_of(str(ROOT / ".venv/bin"), "--front-end", "chip")
    assert story.returncode == 0, story.stdout + story.stderr
    errors = [float(error) for error in re.findall(r"error (\S+) %", story.stdout)]
    assert len(errors) == 3
    assert all(abs(error) < 3 for error in errors), "an impulse is 6 % of the first chapter"
    assert "L2: the clamp reads backwards" in story.stdout
    assert "metering chip had lost its configuration and has it again" in story.stdout


def assert_chapters(lines: list[str]):
    """Check that every chapter appears, in its order and at its time."""
    times = [re.fullmatch(r"\w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)  \S.*", line)[1] for line in lines]
    assert times == sorted(times)
    rest = iter(lines)
    for chapter in CHAPTERS:
        assert any(chapter in line for line in rest), chapter


def assert_sums(text: str):
    """Check that the last line accounts for everything that the station has sold."""
    amounts = re.fullmatch(r"bought (\S+) = charged (\S+) \+ balance (\S+) EUR, exactly", text.splitlines()[-1])
    bought, charged, balance = (Decimal(amount) for amount in amounts.groups())
    assert bought == charged + balance
    assert bought == sum(Decimal(amount) for amount in re.findall(r"tenant: (\S+) EUR for meter", text))
    assert charged > 0


def test_a_station_that_refuses_ends_it_with_a_reason(tmp_path):
    refusing = tmp_path / "wattpurse"
    refusing.write_text("#!/bin/sh\necho closed today\nexit 1\n")
    refusing.chmod(0o755)
    story = story_of(str(tmp_path))
    assert story.returncode == 1
    assert story.stdout.splitlines()[-1].endswith("closed today")
