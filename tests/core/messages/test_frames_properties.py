"""Frames under any bytes: nothing escapes, the memory is bounded, and whole frames always come out."""

from hypothesis import given
from hypothesis import strategies as some

from wattpurse.core.messages import frames

FRAMES = some.builds(
    frames.frame,
    some.integers(1, 7),
    some.integers(0, 255),
    some.integers(0, 65_535),
    some.binary(max_size=frames.PAYLOAD_LIMIT),
)


@given(some.lists(some.binary(max_size=600), max_size=20))
def test_any_bytes_are_read_to_their_end_within_the_buffer(pieces):
    reader = frames.FrameReader()
    for piece in pieces:
        reader.feed(piece)
        while reader.take() is not None:
            pass
        assert len(reader._data) <= frames.BUFFER_LIMIT


@given(some.lists(FRAMES, min_size=1, max_size=10), some.integers(1, 100))
def test_frames_cut_anywhere_come_out_whole(made, size):
    reader, found = frames.FrameReader(), []
    stream = b"".join(made)
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
        while (one := reader.take()) is not None:
            found.append(frames.frame(one.kind, one.sequence, one.offset, one.payload))
    assert (found, reader.errors) == (made, 0)


@given(some.binary(max_size=frames.BUFFER_LIMIT), FRAMES)
def test_after_any_bytes_and_a_pause_a_frame_is_read(noise, made):
    reader = frames.FrameReader()
    reader.feed(noise)
    while reader.take() is not None:
        pass
    reader.clear()
    reader.feed(made)
    assert reader.take() is not None


@given(
    some.lists(some.tuples(some.integers(0, 65_535), some.binary(max_size=234)), max_size=30), some.binary(min_size=1)
)
def test_an_upload_never_holds_more_than_its_size(parts, content):
    upload = frames.Upload()
    subject, size, check = frames.read_begin(frames.begin(frames.TOKEN, content[: frames.CONTENT_LIMIT]))
    upload.begin(subject, size, check)
    for offset, payload in parts:
        upload.put(offset, payload)
        assert upload.have <= size
