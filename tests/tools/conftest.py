"""Fixtures of the tests of the host tools."""

import pytest

from tests import office_of_tests

# The modules of tests import the record, which Django must know before.
office_of_tests.configure()


@pytest.fixture
def files(tmp_path):
    """Return a function that writes a file into the folder of the test and returns its path as text."""

    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write
