"""A session with `make run BOARD=pico` on a pseudo-terminal, and `mpremote` at the meter's USB port beside it."""

import re
import subprocess
import sys
import time

from tests.proof.test_session import Session
from wattpurse_tools.emulation.run import CARD

COMMAND = (sys.executable, "-m", "wattpurse_tools.emulation.run")


def test_the_image_behind_the_screen(tmp_path, meter_image):
    session = Session(tmp_path, *COMMAND)
    session.expect(f"1 {CARD}")
    session.press("1")
    session.expect("supply       on")
    session.press("c")
    session.press("status\r")
    session.expect("money +5.00 EUR")
    session.press("login 246810\r")
    session.expect("logged in until")
    assert "246810" not in session.everything
    session.press("\x1b")
    session.expect(" events ")
    session.press("m")
    session.expect("mains        CUT")
    session.press("m")
    session.expect("supply       on")
    assert session.end() == 0

    session = Session(tmp_path, *COMMAND)
    session.expect("supply       on")
    second = Session(tmp_path, *COMMAND)
    second.expect(f"another run has the meter in the folder {tmp_path}/meter")
    assert second.end() == 1
    assert session.end() == 0


def test_mpremote_beside_the_screen(tmp_path, meter_image):
    session = Session(tmp_path, *COMMAND)
    port = session.expect(r"USB (/dev/[a-z0-9/]+)").group(1)
    session.expect("no credit")
    session.press("c")
    session.press("login 246810\r")
    session.expect("logged in until")
    session.press("\x1b")
    command = [sys.executable, "-m", "mpremote", "connect", port, "fs", "ls"]
    listing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end_s = time.monotonic() + 60
    while listing.poll() is None and time.monotonic() < end_s:
        session.read()
    listing.kill()
    assert re.match("ls :", listing.stdout.read())
    session.press(">")
    session.expect("fault 4")
    assert session.end() == 0
