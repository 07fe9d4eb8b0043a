"""Properties of the messages at the readout head, over any characters."""

from hypothesis import given
from hypothesis import strategies as st

from tests.services.readout_bench import command
from wattpurse.core.messages import readout
from wattpurse.core.messages.readout import COMMAND, LONGEST, NOTHING, SIGN_ON, Receiver

CHARACTERS = st.binary(max_size=400)
PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="()/!*"), max_size=20)


def heard(receiver, characters):
    """Return `(kind, text)` of every message."""
    kinds = ((receiver.put(one), receiver) for one in characters)
    return [(kind, one.message()) for kind, one in kinds if kind != NOTHING]


@given(CHARACTERS)
def test_no_characters_make_a_message_that_cannot_be_taken_apart(characters):
    for _, message in heard(Receiver(), characters):
        assert len(message) <= LONGEST
        assert all(one < 0x80 for one in message)
        readout.is_for(message, b"40123")
        readout.option_of(message)
        name, data = readout.command_of(message)
        try:
            address, value = readout.data_set_of(data)
        except ValueError:
            continue
        assert name and address.isascii() and value.isascii()


@given(CHARACTERS)
def test_a_sign_on_behind_any_characters_is_heard(characters):
    receiver = Receiver()
    heard(receiver, characters)
    receiver.reset()  # the gap between two messages
    assert heard(receiver, b"/?!\r\n") == [(SIGN_ON, b"?!")]


@given(PLAIN, PLAIN)
def test_a_data_set_arrives_as_it_was_sent(address, value):
    sent = command("R1", f"{address}({value})")
    found = [one for one in heard(Receiver(), sent) if one[0] == COMMAND]
    assert len(found) == 1
    name, data = readout.command_of(found[0][1])
    assert name == b"R1"
    assert readout.data_set_of(data) == (address.encode(), value.encode())


@given(PLAIN, st.data())
def test_a_command_with_one_bit_changed_is_never_obeyed(value, data):
    sent = bytearray(command("W1", f"0.9.1({value})"))
    place = data.draw(st.integers(1, len(sent) - 1))
    sent[place] ^= 1 << data.draw(st.integers(0, 6))
    assert COMMAND not in [kind for kind, _ in heard(Receiver(), sent)]
