"""The offices of the tests of the office, for the head-end."""

from tests.tools.office.conftest import *  # noqa: F403
