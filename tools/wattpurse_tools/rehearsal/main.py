"""`make headend ARGS=--story`: run the story of a head-end on this computer, print it, and judge it.

usage: python -m wattpurse_tools.rehearsal.main [--meters N] [--days N] [--pace S] [--seed N] [--keep DIR]

The exit status is 1 if something does not balance.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wattpurse_tools.rehearsal import virtual_clock

if TYPE_CHECKING:
    from wattpurse_tools.rehearsal.judge import Verdict
    from wattpurse_tools.rehearsal.post import Post

METERS, DAYS = 200, 7
PACE_S = 0.35
START_S = 120.0

_DAY_S = 86_400
_END_S = 60.0
_FOLDER = "WATTPURSE_REHEARSAL"
_HOST = "127.0.0.1"


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit status."""
    arguments = _parser().parse_args(words)
    if not virtual_clock.is_virtual():
        place = Path(arguments.keep).absolute() if arguments.keep else Path(tempfile.mkdtemp(prefix="headend-story-"))
        place.mkdir(parents=True, exist_ok=True)
        os.environ[_FOLDER] = str(place)
        virtual_clock.restart_with_virtual_clock(place)
    place = Path(os.environ[_FOLDER])
    try:
        return _run(arguments, place)
    finally:
        if not arguments.keep:
            shutil.rmtree(place, ignore_errors=True)


def _run(arguments: argparse.Namespace, place: Path) -> int:
    begun = time.monotonic()
    start_s = (int(time.time()) // _DAY_S + 1) * _DAY_S
    virtual_clock.set_time(start_s)
    office_folder, port, broker_port = place / "office", _free_port(), _free_port()
    from wattpurse_tools.pages.supervisor import start_module
    from wattpurse_tools.record.office_folder import OfficeFolder
    from wattpurse_tools.rehearsal.post import Post

    command = [sys.executable, "-m", "wattpurse_tools.cli", "office", "init", "--trial", "--office", office_folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    post = Post(place / "sms")
    post.set_up(OfficeFolder(office_folder))
    supervisor = start_module(
        [
            *("wattpurse_tools.cli", "headend", "start", "--office", office_folder),
            *("--port", port, "--listen", f"{_HOST}:{broker_port}", "--every", "0.2"),
        ]
    )
    try:
        _await_started(supervisor, port, broker_port)
        return _tell(arguments, _live(arguments, place, (port, broker_port), supervisor.pid, start_s, post), begun)
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(_END_S)
        post.close()


def _live(
    arguments: argparse.Namespace,
    place: Path,
    ports: tuple[int, int],
    supervisor: int,
    start_s: int,
    post: "Post",
) -> "Verdict":
    """Run the days, and return the verdict. `supervisor` is the number of its process."""
    from wattpurse_tools.pages.settings import page_settings
    from wattpurse_tools.record import office_folder
    from wattpurse_tools.record.office_folder import OfficeFolder

    folder = OfficeFolder(place / "office")
    office_folder.configure(folder, **page_settings())
    office_folder.open_record(folder)
    from wattpurse_tools.rehearsal import staging

    scene = staging.scene(folder, ports, arguments.meters, start_s, arguments.pace, random.Random(arguments.seed), post)
    return staging.live_and_judge(scene, supervisor, place, arguments.days)


def _tell(arguments: argparse.Namespace, verdict: "Verdict", begun: float) -> int:
    print(f"\n{arguments.meters} meters, {arguments.days} days, in {time.monotonic() - begun:.0f} s")
    for finding in verdict.findings:
        print(f"DOES NOT BALANCE: {finding}")
    if not verdict.findings:
        print("The books close: payments = credit at meters and accounts + suspense + refunds.")
        print("No managed meter was lit longer than its permit, and no text came twice.")
    return 1 if verdict.findings else 0


def _await_started(supervisor: subprocess.Popen[bytes], port: int, broker_port: int) -> None:
    from wattpurse_tools.pages.headend_machine import answers

    end = time.monotonic() + START_S
    for one in (port, broker_port):
        while not answers((_HOST, one)):
            if supervisor.poll() is not None or time.monotonic() > end:
                raise OSError("the head-end did not start")
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        return one.getsockname()[1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make headend ARGS=--story")
    parser.add_argument("--meters", type=int, default=METERS, help="simulated meters; default: %(default)s")
    parser.add_argument("--days", type=int, default=DAYS, help="days of the story; default: %(default)s")
    parser.add_argument("--pace", type=float, default=PACE_S, help="real seconds of 15 minutes; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="seed of all choices; default: %(default)s")
    parser.add_argument("--keep", metavar="DIR", help="keep the office in this folder")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
