"""The offices of the tests of the office, for the head-end. The managed meter is number 4."""

import time
from datetime import UTC, datetime

import pytest

from tests.tools.headend.managed_site import ManagedMeter, add_tariff, add_tenancy
from tests.tools.office.conftest import *  # noqa: F403
from tests.tools.office.conftest import _instrumented, _office_of  # noqa: F401
from tests.tools.office.selling_site import build_site


@pytest.fixture
def site(request):
    """Return the office with prices, meters and the tenancy of meter 4, which has a tariff of two rates."""
    office = _office_of(request)
    build_site()
    add_tariff("household", 1)
    add_tenancy(4)
    return office


@pytest.fixture
def now_s():
    """Return noon of a Wednesday that lies ahead: the office makes no permit in the past."""
    day = int(time.time()) // 86_400 + 1
    while (
        datetime.fromtimestamp(day * 86_400, UTC).weekday() != 2 or datetime.fromtimestamp(day * 86_400, UTC).day > 20
    ):
        day += 1
    return day * 86_400 + 12 * 3600


@pytest.fixture
def meter(site, now_s):
    """Return the managed meter 4, as the firmware keeps its account."""
    return ManagedMeter(site, 4, now_s)
