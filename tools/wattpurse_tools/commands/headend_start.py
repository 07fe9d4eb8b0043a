"""`wattpurse headend start`, `meter` and `status`: the head-end on one machine, its meters at the broker, its state."""

import json
import os
import re
import signal
import subprocess
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress
from pathlib import Path

from wattpurse_tools.commands import office_serving
from wattpurse_tools.commands.headend_rounds import add_every
from wattpurse_tools.commands.office_options import add_office_option, existing, prepare, tell, warn
from wattpurse_tools.headend.broker_files import HOST, PORT, BrokerFiles, user_of
from wattpurse_tools.pages import headend_machine, supervisor
from wattpurse_tools.pages.headend_machine import HeadendMachine
from wattpurse_tools.places import ROOT

MOSQUITTO, PYTHON = "mosquitto", "python"

_ADDRESS = re.compile(r"([A-Za-z0-9.-]+):([0-9]{1,5})")
_PORTS = range(1, 65_536)
_PACKAGES = ROOT / "tools/toolchain/debian-packages"


def add_start(parser: ArgumentParser) -> None:
    """Add the options of `wattpurse headend start`."""
    office_serving.add_setting_up(parser)
    office_serving.add_serving(parser)
    text = "address at which the broker listens; default: %(default)s"
    parser.add_argument("--listen", type=_address, default=f"{HOST}:{PORT}", metavar="HOST:PORT", help=text)
    text = "the broker: mosquitto, or one in Python for a computer without it; default: mosquitto if there is one"
    parser.add_argument("--broker-program", choices=(MOSQUITTO, PYTHON), help=text)
    add_every(parser, "seconds between two rounds of engine and payment worker; default: %(default)s")
    parser.set_defaults(run=run_start)


def add_meter(parser: ArgumentParser) -> None:
    """Add the options of `wattpurse headend meter`."""
    add_office_option(parser)
    parser.add_argument("meters", type=int, nargs="+", metavar="METER", help="the number of a meter")
    parser.add_argument("--anyway", action="store_true", help="also a meter that the office does not know")
    parser.add_argument("--json", action="store_true", help="print a JSON document")
    parser.set_defaults(run=run_meter)


def add_status(parser: ArgumentParser) -> None:
    """Add the options of `wattpurse headend status`."""
    add_office_option(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON document")
    parser.set_defaults(run=run_status)


def run_start(arguments: Namespace) -> int:
    """Set an office up if there is none, and serve it with broker, worker, engine, payment worker and sender."""
    folder = prepare(arguments)
    program = _broker_program(arguments.broker_program)
    host, port = arguments.listen
    # A broker of somebody else at this port would be shown the password of the worker.
    supervisor.listen(host, port, "--listen").close()
    passphrase = None
    if not folder.secret.exists():
        passphrase = office_serving.set_up(folder, arguments)
    machine = HeadendMachine(folder, (host, port), program, arguments.every)
    machine.make_files()
    lines = (
        f"The broker ({machine.broker_words}) is at {host}:{port}. A meter gets its user with:"
        " wattpurse headend meter NUMBER",
    )
    return office_serving.serve(folder, arguments, passphrase, machine.children(), lines)


def run_meter(arguments: Namespace) -> int:
    """Give meters users at the broker, and print the lines for their consoles."""
    folder = existing(arguments)
    files = BrokerFiles(folder.path.absolute())
    if not files.users.exists():
        raise ValueError(f"{files.folder}: there is no broker here; start it with: wattpurse headend start")
    if not arguments.anyway:
        _refuse_unknown(arguments.meters)
    for number in arguments.meters:
        if user_of(number) in files.known_users():
            warn(f"meter {number} has a password already; the new one replaces it: type it at the meter's console")
    passwords = files.add_meters(arguments.meters)
    process = files.process_number()
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGHUP)
    if arguments.json:
        tell(json.dumps({str(number): password for number, password in passwords.items()}))
        return 0
    for number, password in passwords.items():
        tell(f"At the console of meter {number}, logged in, with the address of this computer:")
        for line in ("mqtt broker ADDRESS", f"mqtt user {user_of(number)}", f"mqtt password {password}"):
            tell(f"    {line}")
    return 0


def run_status(arguments: Namespace) -> int:
    """Print the figures of the head-end."""
    existing(arguments)
    from wattpurse_tools.headend.figures import families

    rows = [
        (" ".join([family.name, *(f"{name}={value}" for name, value in labels)]), number)
        for family in families(int(time.time()))
        for labels, number in family.values.items()
    ]
    if arguments.json:
        tell(json.dumps(dict(rows), indent=2))
    else:
        for name, number in rows:
            tell(f"{name}: {number}")
    return 0


def _refuse_unknown(numbers: list[int]) -> None:
    """Raise ValueError for a number that is none of a meter in service."""
    from wattpurse_tools.record.models import Meter

    known = set(Meter.objects.filter(number__in=numbers, is_retired=False).values_list("number", flat=True))
    for number in numbers:
        if number not in known:
            raise ValueError(
                f"meter {number} is none of this office; add it to the office first (docs/office.md), or give --anyway"
            )


def _address(text: str) -> tuple[str, int]:
    """Return host and port of an address to listen at. Raise ArgumentTypeError for any other text."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) not in _PORTS:
        raise ArgumentTypeError(f"{text!r}: write HOST:PORT, such as {HOST}:{PORT}")
    return found[1], int(found[2])


def _broker_program(wish: str | None) -> Path | None:
    """Return the program mosquitto, installed if need be, or None for the broker in Python. Raise ValueError."""
    program = None if wish == PYTHON else headend_machine.mosquitto()
    if program is None and wish != PYTHON:
        done = subprocess.run([_PACKAGES, f"{MOSQUITTO}={MOSQUITTO}"])
        program = headend_machine.mosquitto()
        if program is None and (wish == MOSQUITTO or done.returncode == 0):
            raise ValueError("mosquitto cannot be installed; install it, or choose --broker-program python")
    if program is None and not headend_machine.has_python_broker():
        raise ValueError("there is no broker: install mosquitto, or type: .venv/bin/pip install 'wattpurse[broker]'")
    return program
