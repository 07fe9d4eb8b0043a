"""The end of a deployment: the reader board answers, or the error has the last reason."""

import pytest

from tests.tools.desk_reader.port_bench import DeskReaderOnPort
from wattpurse_tools.readers.desk_reader import DeskReaderTrouble
from wattpurse_tools.readers.greeting import wait_for_reader


def test_a_board_that_answers_tells_its_identity():
    with DeskReaderOnPort() as desk:
        assert wait_for_reader(desk.path, 5) == b"desk0001".hex()


def test_a_board_that_comes_late_is_waited_for():
    with DeskReaderOnPort() as desk:
        desk.is_deaf = True
        desk.answers_after(1.0)
        assert wait_for_reader(desk.path, 20, 0.1) == b"desk0001".hex()


def test_a_port_that_stays_away_is_told():
    with pytest.raises(DeskReaderTrouble, match="there is no port"):
        wait_for_reader("/dev/no-such-port", 0.3, 0.1)
