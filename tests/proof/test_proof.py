"""The short form of the campaign: a slice of every part, which must find nothing."""

import time

import pytest

from tests.proof import campaign
from tests.proof.parts import PARTS


@pytest.mark.parametrize("part", PARTS, ids=[part.NAME for part in PARTS])
def test_short_form_finds_nothing(part):
    started_s = time.monotonic()
    tally = campaign.run(part, 0, part.SHORT_CASES)
    campaign.write_report(part, "short", 0, tally, time.monotonic() - started_s)
    assert not tally.failures, campaign.failures_text(tally)
    assert tally.cases and tally.faults
