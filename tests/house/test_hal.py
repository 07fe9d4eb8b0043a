"""The board's contract in `hal.py` stands twice: as text for error messages, and as a protocol for type checkers."""

import ast
import inspect
from pathlib import Path

from tests.house.places import ROOT
from wattpurse import app, hal

HAL = ROOT / "firmware/wattpurse/hal.py"
# Types that a person reads in a contract; a member's type must be among its words.
_WORD_OF_TYPE = {
    "RealTimeClock": "read()",
    "Flash": "read(address, buffer)",
    "Watchdog": "feed()",
    "ConsolePort": "read_line",
    "Aes": "cryptolib.aes",
    "Clock": "ticks_ms()",
    "'MainsSensor | None'": "MainsSensor",
}


def members_of_board(source: str) -> dict[str, str]:
    """Return the members of the `Board` protocol in a source text, each with its type, or "" for a method."""
    boards = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef) and node.name == "Board"]
    members = {}
    for method in boards[0].body:
        if isinstance(method, ast.FunctionDef):
            is_device = [ast.unparse(one) for one in method.decorator_list] == ["property"]
            members[method.name] = ast.unparse(method.returns) if is_device and method.returns else ""
    return members


def differences(source: str, devices: tuple) -> set[str]:
    """Return the names that the protocol or the contract has alone."""
    return set(members_of_board(source)) ^ {name for name, _ in devices}


def test_contract_and_protocol_name_the_same_devices():
    assert differences(HAL.read_text(), hal.DEVICES) == set()


def test_a_device_that_only_one_of_them_names_is_found():
    assert differences(HAL.read_text(), hal.DEVICES[1:]) == {"name"}
    assert differences(HAL.read_text(), (*hal.DEVICES, ("modem", "send()"))) == {"modem"}


def test_each_contract_says_the_type_of_the_protocol():
    contracts = dict(hal.DEVICES)
    for name, kind in members_of_board(HAL.read_text()).items():
        if kind:
            assert _WORD_OF_TYPE.get(kind, kind) in contracts[name], name


def test_the_meter_is_built_on_the_protocol():
    parameter = inspect.signature(app.Meter.__init__).parameters["board"]
    assert parameter.annotation == "Board"
    assert "from wattpurse.hal import Board" in Path(app.__file__).read_text()
