"""Fixtures of the tests of the host tools."""

import pytest


@pytest.fixture
def files(tmp_path):
    """Return a function that writes a file into the folder of the test and returns its path as text."""

    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write
