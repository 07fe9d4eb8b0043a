"""The fixtures of an office, and servers of mail at loopback for the head-end."""

from tests.tools.office.conftest import *  # noqa: F403
