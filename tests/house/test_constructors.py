"""Constructors of the firmware, the boards and the tools take seven parameters at most."""

import pytest

from tests.house.constructor_rules import long_constructors
from tests.house.places import FIRMWARE_FILES, ROOT, TOOL_FILES


def test_every_constructor_is_short():
    found = [
        line
        for file in [*FIRMWARE_FILES, *TOOL_FILES]
        for line in long_constructors(file.relative_to(ROOT).as_posix(), file.read_text())
    ]
    assert found == []


LONG = [
    "class Meter:\n    def __init__(self, a, b, c, d, e, f, g, h): pass",
    "class Meter:\n    def __init__(self, a, b, c, d, *, e, f, g, h): pass",
    "class Meter:\n    def __init__(self, a, b, c, d, e, f, *g, **h): pass",
    "def build():\n    class Meter:\n        def __init__(self, a, b, c, d, e, f, g, h=1): pass",
    "@dataclass(frozen=True)\nclass Meter:\n" + "".join(f"    {name}: int\n" for name in "abcdefgh"),
]
SHORT = [
    "class Meter:\n    def __init__(self, a, b, c, d, e, f, g): pass",
    "class Meter:\n    def sell(self, a, b, c, d, e, f, g, h): pass",
    "@dataclass\nclass Meter:\n    h: int = field(init=False)\n" + "".join(f"    {name}: int\n" for name in "abcdefg"),
]


@pytest.mark.parametrize("source", LONG)
def test_a_long_constructor_is_found(source):
    assert long_constructors("app.py", source)[0].endswith("Meter takes 8 parameters, the limit is 7")


@pytest.mark.parametrize("source", SHORT)
def test_a_short_constructor_passes(source):
    assert long_constructors("app.py", source) == []
