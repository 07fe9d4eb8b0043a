"""The offices of the tests of the office, for the ledger."""

from tests.tools.office.conftest import *  # noqa: F403
