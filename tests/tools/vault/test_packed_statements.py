"""Statements in one piece of bytes: all of them come back, and a broken piece is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattpurse_tools.vault import packed_statements as packed
from wattpurse_tools.vault.interface import Refused

_SEALED = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=12), st.binary(max_size=300)), max_size=20)
_UNSEALED = st.lists(
    st.none() | st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 2**16 - 1), st.binary(max_size=300)), max_size=20
)


class Echo:
    """A vault that finds each sealed statement authentic, under the version 1 and the number 7."""

    def unseal_statements(self, sealed):
        """Return the sealed bytes as payloads."""
        return packed.pack_unsealed([(1, 7, one) for _, _, one in packed.unpack_sealed(sealed)])


@given(_SEALED)
def test_sealed_statements_come_back(statements):
    assert packed.unpack_sealed(packed.pack_sealed(statements)) == statements


@given(_UNSEALED)
def test_unsealed_statements_come_back(results):
    assert packed.unpack_unsealed(packed.pack_unsealed(results)) == results


@given(_SEALED)
def test_a_vault_is_asked_once_for_all(statements):
    assert packed.unseal(Echo(), statements) == [(1, 7, one) for _, _, one in statements]


@pytest.mark.parametrize("unpack", [packed.unpack_sealed, packed.unpack_unsealed])
@given(piece=st.binary(min_size=1, max_size=200))
def test_any_other_bytes_are_read_or_refused(unpack, piece):
    pack = packed.pack_sealed if unpack is packed.unpack_sealed else packed.pack_unsealed
    try:
        found = unpack(piece)
    except Refused:
        return
    assert len(pack(found)) <= len(piece)


@given(_SEALED.filter(len), st.data())
def test_a_piece_that_ends_early_is_refused(statements, data):
    piece = packed.pack_sealed(statements)
    ends = {len(packed.pack_sealed(statements[:count])) for count in range(len(statements) + 1)}
    end = data.draw(st.integers(1, len(piece) - 1).filter(lambda place: place not in ends))
    with pytest.raises(Refused, match="ends early"):
        packed.unpack_sealed(piece[:end])


@pytest.mark.parametrize(
    "statement", [(-1, b"\x03", b"x"), (2**32, b"\x03", b"x"), (5, bytes(256), b"x"), (5, b"\x03", bytes(65_536))]
)
def test_a_statement_without_room_is_refused(statement):
    with pytest.raises(Refused, match="meter"):
        packed.pack_sealed([statement])
