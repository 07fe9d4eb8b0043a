"""The virtual reader of the test process."""

import pytest

from tests.tools.readers.virtual_reader import reader_of_process


@pytest.fixture
def reader():
    """Return the virtual reader, with no card on it."""
    one = reader_of_process()
    one.lift()
    yield one
    one.lift()
