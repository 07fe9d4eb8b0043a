"""`wattpurse readout`: read the registers of a meter at its readout head, by IEC 62056-21, or set its clock."""

import argparse
import getpass
import json
import os
from datetime import datetime

import serial

from wattpurse_tools.meter_link.readout import Reader, Readout
from wattpurse_tools.serial_port import ReadoutLine

PASSWORD = "WATTPURSE_READOUT_PASSWORD"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `readout`."""
    parser = subparsers.add_parser("readout", help="read a meter at its readout head (IEC 62056-21)")
    parser.add_argument("port", help="the serial port of the reading head, such as /dev/ttyUSB0")
    parser.add_argument("--address", default="", help="the device address, if several meters hear the head")
    parser.add_argument("--register", metavar="CODE", help="read this register alone, for example 1.8.0")
    parser.add_argument(
        "--set-clock",
        metavar="TIME",
        help="set the clock of the meter: local time, for example 2026-11-22T10:00:00; asks for the password",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with times as in RFC 3339")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read the meter and print its registers. Raises OSError or ValueError with the reason."""
    if arguments.set_clock and arguments.register:
        raise ValueError("--register and --set-clock are two sessions: give one of them")
    value = _clock_value(arguments.set_clock) if arguments.set_clock else None
    password = _password() if value is not None else ""
    try:
        with ReadoutLine(arguments.port) as line:
            reader = Reader(line, arguments.address)
            if value is not None:
                _set_clock(reader, value, password)
                print(f"the clock of the meter is {arguments.set_clock}, local time")
            elif arguments.register:
                _print_one(reader, arguments.register, arguments.json)
            else:
                readout = reader.read_all()
                print(json.dumps(readout.facts(), indent=2) if arguments.json else text_of(readout))
    except serial.SerialException as error:
        raise OSError(f"{arguments.port}: the port cannot be used: {error}") from error
    return 0


def text_of(readout: Readout) -> str:
    """Return the registers in columns: code, value, unit, time."""
    rows = [("code", "value", "unit", "time")]
    for one in readout.registers.values():
        facts = one.facts()
        rows.append((one.code, one.value, one.unit, facts.get("time", "")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    moment = readout.time()
    heading = f"{readout.identification}{', ' + moment if moment else ''}"
    return "\n".join([heading, *lines])


def _print_one(reader: Reader, code: str, wants_json: bool) -> None:
    reader.program()
    try:
        register = reader.read(code)
    finally:
        reader.end()
    if wants_json:
        print(json.dumps(register.facts()))
    else:
        print(f"{register.value} {register.unit}".rstrip())


def _set_clock(reader: Reader, value: str, password: str) -> None:
    reader.program()
    try:
        reader.log_in(password)
        reader.write("1.0.0", value)
    finally:
        reader.end()


def _clock_value(text: str) -> str:
    """Return a local time as the meter takes it. Raises ValueError for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise ValueError(f"'{text}' is no local time such as 2026-11-22T10:00:00, without an offset")
    return moment.strftime("%y%m%d%H%M%S")


def _password() -> str:
    """Return the password of the head: out of the environment, or typed."""
    return os.environ.get(PASSWORD) or getpass.getpass("password of the readout head: ")
