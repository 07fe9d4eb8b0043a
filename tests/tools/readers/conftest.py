"""A pcscd of its own for each test module that lays cards on a reader."""

import pytest

from tests.tools.readers import virtual_reader


@pytest.fixture(scope="session", autouse=True)
def packages():
    """Install the packages of the virtual reader."""
    virtual_reader.install()


@pytest.fixture(scope="module")
def running_reader(packages):
    with virtual_reader.running() as reader:
        yield reader


@pytest.fixture
def reader(running_reader):
    """Return the virtual reader, with no card on it."""
    running_reader.lift()
    yield running_reader
    running_reader.lift()
