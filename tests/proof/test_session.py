"""A person's session with `make run` on a pseudo-terminal: commission, tap, cut, top up, quit, and come back to it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from tests.house.places import ROOT

SECONDS_ALLOWED = 240


class Session:
    """The running program, its keys and the output of its screen so far; `command` replaces the one of `make run`."""

    def __init__(self, folder, *command):
        self.keys, self._terminal = pty.openpty()
        self.attributes = termios.tcgetattr(self._terminal)
        self.text = self.everything = ""
        self._options = ["--state", f"{folder}/meter", "--cards", f"{folder}/cards", "--desk", f"{folder}/office"]
        self._environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}", "LC_ALL": "C"}
        self._program = subprocess.Popen(
            [*(command or (ROOT / "tools/toolchain/unix-run", "boards/host/run.py")), *self._options],
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            env=self._environment,
        )

    def press(self, keys: str):
        """Type at the program."""
        os.write(self.keys, keys.encode())

    def expect(self, pattern: str) -> re.Match:
        """Read the output until `pattern` is in it, and return the match. Drop the output before it."""
        deadline = time.monotonic() + SECONDS_ALLOWED
        while not (match := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, f"{pattern!r} did not come; the last was {self.text[-3000:]!r}"
            self.read()
        self.text = ""
        return match

    def resize(self, columns: int, rows: int):
        """Give the terminal another size, as a person does who drags the window."""
        fcntl.ioctl(self.keys, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def kill(self):
        """End the program without warning."""
        self._program.kill()
        self._program.wait()

    def end(self) -> int:
        """End the program and return its exit status."""
        self.press("q")
        deadline = time.monotonic() + SECONDS_ALLOWED
        while self._program.poll() is None:
            assert time.monotonic() < deadline
            self.read()
        return self._program.returncode

    def attributes_now(self) -> list:
        """Return the settings of the terminal."""
        return termios.tcgetattr(self._terminal)

    def read(self):
        """Read the output of a tenth of a second."""
        if select.select([self.keys], [], [], 0.1)[0]:
            text = os.read(self.keys, 65536).decode(errors="replace")
            self.text += text
            self.everything += text


def second_run(folder) -> subprocess.CompletedProcess:
    """Return the finished run that a person starts beside another one."""
    environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}
    command = [ROOT / "tools/toolchain/unix-run", "boards/host/run.py", "--state", f"{folder}/meter"]
    keys, terminal = pty.openpty()
    done = subprocess.run(
        [*command, "--cards", f"{folder}/cards", "--desk", f"{folder}/office"],
        stdin=terminal,
        stdout=terminal,
        timeout=SECONDS_ALLOWED,
        env=environment,
    )
    done.stdout = os.read(keys, 65536).decode()
    return done


def wattpurse(folder, *words) -> str:
    """Return the output of the vending command, run as in another terminal."""
    options = ["--cards", f"{folder}/cards", "--office", f"{folder}/office"]
    done = subprocess.run([ROOT / ".venv/bin/wattpurse", *words, *options], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_a_token_of_twenty_digits_is_typed_at_the_keypad(tmp_path):
    session = Session(tmp_path)
    try:
        session.expect("supply       no credit")
        digits = wattpurse(tmp_path, "token", "10000001", "money", "20", "--digits").splitlines()[0]
        assert re.fullmatch(r"(\d{4} ){4}\d{4}", digits), digits
        session.press("k")
        session.expect("THE KEYPAD")
        session.press("7\x7f" + digits.replace(" ", "") + "\r")
        session.expect("supply       on")
        session.press("k")
        session.expect("k keypad   q quit")
        assert session.end() == 0
    finally:
        session.kill()


def test_a_session_by_hand(tmp_path):
    session = Session(tmp_path)
    session.expect("supply       no credit")
    session.press("1")
    session.expect("supply       on")
    assert "lies on a meter's reader" in wattpurse(tmp_path, "card", "topup", "tenant", "--amount", "10")
    session.press("0")
    session.expect("nothing on it")
    assert "10.00 EUR" in wattpurse(tmp_path, "card", "topup", "tenant", "--amount", "10")
    session.press("1")
    time.sleep(0.3)
    session.press("m")
    session.expect("mains        CUT")
    session.press("m")
    session.expect("mains        on")
    session.press("0")
    session.expect("nothing on it")
    session.press("1")
    session.expect("tenant .classic")
    time.sleep(1)
    session.press("0")
    session.expect("nothing on it")
    session.press("cregisters\r")
    session.expect(r"bought +15\.000000")
    session.press("\x1b")
    session.expect("q quit")
    assert session.end() == 0
    assert session.attributes_now() == session.attributes
    assert "bought     15.00 EUR" in wattpurse(tmp_path, "card", "read", "tenant")

    again = Session(tmp_path)
    again.expect("supply       on")
    again.press("\x03")
    assert again.end() == 0
    assert again.attributes_now() == again.attributes


def test_a_window_that_changes_its_size_and_a_console_that_scrolls(tmp_path):
    session = Session(tmp_path)
    session.expect("supply       no credit")
    session.resize(60, 20)
    session.expect("This terminal has 60 columns and 20 rows")
    session.resize(132, 43)
    session.expect(r"\x1b\[43;1H[^\x1b]*\x1b\[2m .*q quit")
    session.resize(80, 24)
    session.expect(r"\x1b\[24;1H[^\x1b]*\x1b\[2m .*q quit")
    session.press("chelp\r")
    session.expect("reports and lists take --json")
    session.press("\x1b[5~" * 12)
    session.expect("rows 1-13 of [0-9]+; PgUp, PgDn, typing returns to the end")
    session.press("login 246810")
    session.expect(r"> login \*{6}_")
    session.press("\u00e9\r")
    session.expect("logged in until")
    session.press("\x0c")
    session.expect(r"\x1b\[2J")
    session.press("\x1b")
    session.expect("q quit")
    assert session.end() == 0
    assert "246810" not in session.everything


def test_two_runs_in_one_folder(tmp_path):
    session = Session(tmp_path)
    session.expect("supply       no credit")
    refused = second_run(tmp_path)
    assert refused.returncode == 1
    assert f"another run has the meter in the folder {tmp_path}/meter" in refused.stdout
    session.press("1")
    session.expect("supply       on")
    session.kill()

    again = Session(tmp_path)
    again.expect("nothing on it")
    again.press("1")
    again.expect("tenant .classic")
    assert again.end() == 0


def test_a_run_without_a_terminal_refuses_a_contract_that_its_story_does_not_have():
    command = [ROOT / "tools/toolchain/unix-run", "boards/host/run.py", "--contract", "term"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert "to use --contract term" in done.stdout
