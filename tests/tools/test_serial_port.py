"""The serial ports that the tools open, on a pseudo terminal: their speed, and the order of the control lines."""

import ast
import os
import pty
import termios
import threading
from pathlib import Path

import pytest
import serial

from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.meter_link.line import MeterLine
from wattpurse_tools.serial_port import SerialPort

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def terminal():
    """Return the two ends of a pseudo terminal: file of the board's end, path of the computer's end."""
    board, computer = pty.openpty()
    termios.tcsetattr(computer, termios.TCSANOW, _at_9600(termios.tcgetattr(computer)))
    yield board, os.ttyname(computer)
    os.close(board)
    os.close(computer)


def _at_9600(attributes):
    attributes[4] = attributes[5] = termios.B9600
    return attributes


def speeds(board):
    return termios.tcgetattr(board)[4:6]


def test_reports_are_asked_for_at_the_speed_of_an_esp32(terminal):
    board, path = terminal
    with MeterLine(path):
        assert speeds(board) == [termios.B115200, termios.B115200]


def test_deploy_waits_for_the_meter_at_the_speed_of_an_esp32(terminal):
    board, path = terminal

    def answer():
        heard = b""
        while b"status" not in heard:
            heard += os.read(board, 64)
        os.write(board, b"load switch closed\r\n")

    meter = threading.Thread(target=answer)
    meter.start()
    assert BoardLink(path).wait_for_meter(5)
    meter.join()
    assert speeds(board) == [termios.B115200, termios.B115200]


def test_closing_a_port_releases_rts_before_dtr(terminal, monkeypatch):
    released = []
    for name in ("rts", "dtr"):
        setter = lambda _port, level, name=name: released.append((name, level))  # noqa: E731
        monkeypatch.setattr(serial.Serial, name, property(None, setter))
    port = SerialPort(terminal[1])
    monkeypatch.setattr(serial.Serial, "close", lambda _port: released.append("closed"))
    port.close()
    assert released[-3:] == [("rts", False), ("dtr", False), "closed"]


def test_no_tool_opens_a_port_with_another_speed():
    for file in TOOLS.rglob("*.py"):
        if "node_modules" in file.parts or file.name == "serial_port.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            is_serial = isinstance(node, ast.Attribute) and node.attr in ("Serial", "serial_for_url")
            assert not is_serial, file
