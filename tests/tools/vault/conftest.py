"""Fixtures of the tests of the vault."""

import pytest

from tests.tools.vault import vault_bench


@pytest.fixture
def folder(tmp_path):
    """Return the place of a vault in the folder of the test."""
    return tmp_path / "vault"


@pytest.fixture
def clock():
    return vault_bench.Clock()


@pytest.fixture
def vault(folder, clock):
    """Yield the vault of a house of one person."""
    vault_bench.make(folder)
    with vault_bench.open_vault(folder, clock) as opened:
        yield opened


@pytest.fixture
def strict_vault(folder, clock):
    """Yield a vault that needs two persons for a change of weight."""
    vault_bench.make(folder, persons=2)
    with vault_bench.open_vault(folder, clock) as opened:
        yield opened
