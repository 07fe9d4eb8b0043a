"""The language of the vault's socket: every value arrives as it was sent, and no message breaks the vault."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.vault import vault_bench
from wattpurse_tools.vault import wire
from wattpurse_tools.vault.interface import Limits, Operator, Refused, SealedToken, TokenOrder
from wattpurse_tools.vault.server import Server

plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=8)
keys = st.text(max_size=4) | st.integers() | st.just("#")
values = st.recursive(
    plain | st.builds(TokenOrder, st.integers(), st.binary(max_size=4), st.integers()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("#", "value", "a", "number")), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_every_value_comes_out_as_it_went_in(value):
    again = wire.decoded(json.loads(wire.line_of({"v": wire.encoded(value)}))["v"])
    assert again == value
    assert repr(again) == repr(value)  # True is not 1, and a tuple is no list


@pytest.mark.parametrize(
    ("value", "annotation", "fits"),
    [
        (1, int, True),
        (True, int, False),
        (1.0, int, False),
        ("a", str, True),
        (b"a", bytes, True),
        (bytearray(b"a"), bytes, False),
        (None, str | None, True),
        (1, str | None, False),
        ((1, 2), tuple[int, ...], True),
        ((1, "2"), tuple[int, ...], False),
        (TokenOrder(1, b""), TokenOrder, True),
        (TokenOrder("1", b""), TokenOrder, False),
        (Operator(1, "a", ("sell",), Limits(day_mwh="5")), Operator, False),
        (Operator(1, "a", ["sell"]), Operator, False),
        (SealedToken(1, b"", 0), TokenOrder, False),
    ],
)
def test_only_a_value_of_the_annotated_type_fits(value, annotation, fits):
    assert wire.conforms(value, annotation) == fits


def test_another_type_does_not_go_over_the_wire():
    with pytest.raises(TypeError, match="no type of the vault's socket"):
        wire.encoded(object())
    with pytest.raises(Refused, match="no call"):
        wire.bound_arguments("_acting", {})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield a server that nobody connects to; the test calls it as its threads do."""
    folder = tmp_path_factory.mktemp("wire")
    vault_bench.make(folder / "vault")
    server = Server(vault_bench.open_vault(folder / "vault"), folder / "vault.sock")
    server.stop()
    vault = server._vault
    session = vault_bench.ticket_of(vault)
    yield server, session
    server.run()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(wire.calls())), st.data())
def test_no_arguments_of_a_client_break_the_vault(server, name, data):
    bench, ticket = server
    parameters = list(wire.calls()[name].parameters)
    arguments = {one: data.draw(json_values, label=one) for one in parameters}
    if "ticket" in arguments and name != "sign_off":
        arguments["ticket"] = ticket
    answer = bench._answer({"call": name, "arguments": arguments}, 0)
    assert "result" in answer or answer["error"] in ("Refused", "SignOnNeeded", "ApprovalNeeded", "LimitReached")
    assert bench._answer({"call": "session", "arguments": {"ticket": ticket}}, 0)["result"]
