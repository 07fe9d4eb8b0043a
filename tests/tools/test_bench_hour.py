"""The growth of a worker's memory: a line through the second half of an hour."""

import pytest

from wattpurse_tools.bench.headend import FIGURES
from wattpurse_tools.bench.headend_hour import Sample, growth_mb_per_hour

BOUND = next(one for one in FIGURES if one.name == "worker_growth_mb_per_hour")


def samples_of(mb_at):
    """Return a sample of each minute of an hour. `mb_at` gives the memory by the minute."""
    return [Sample(minute / 60, mb_at(minute)) for minute in range(61)]


def test_a_start_that_ends_in_the_first_half_is_no_growth():
    assert growth_mb_per_hour(samples_of(lambda minute: 60 + 2 * min(minute, 20))) == pytest.approx(0)


@pytest.mark.parametrize("mb_per_hour", [0.5, 7, -3])
def test_the_slope_is_told_by_the_hour_whatever_the_noise(mb_per_hour):
    found = growth_mb_per_hour(samples_of(lambda minute: 90 + mb_per_hour * minute / 60 + (minute % 2) / 100))
    assert found == pytest.approx(mb_per_hour, abs=0.05)
    assert BOUND.is_met(found) is (mb_per_hour < 1)


def test_a_leak_of_ten_bytes_a_statement_breaks_the_bound():
    statements_a_minute, bytes_each = 11_320, 10
    leak = samples_of(lambda minute: 90 + minute * statements_a_minute * bytes_each / 2**20)
    assert BOUND.is_met(growth_mb_per_hour(leak)) is False
