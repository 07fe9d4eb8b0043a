"""Units of energy and power, and the words that name them in headers."""

import re
from typing import NamedTuple

_WORD = r"(?<![A-Za-z0-9])([kKMm]?[wW][hH]?)(?![A-Za-z0-9])"
_OTHER = r"(?<![A-Za-z0-9])([kKMm]?(?:[vV][aA]\w*|[Jj])|m3|m\u00b3|therms?|ccf)(?![A-Za-z0-9])"


class Unit(NamedTuple):
    """A unit of a value. One of it is 10 ** `digits` mWh, or mW if it is a mean power."""

    name: str
    digits: int
    is_power: bool = False


UNIT_NAMES = ("Wh", "kWh", "MWh", "W", "kW", "MW")
_DIGITS = {"Wh": 3, "kWh": 6, "MWh": 9, "mWh": 0, "W": 3, "kW": 6, "MW": 9}


def unit_of(name: str) -> Unit:
    """Return the unit with that name, one of UNIT_NAMES or mWh. Raise KeyError for any other name."""
    return Unit(name, _DIGITS[name], not name.endswith("h"))


def unit_in(header: str) -> Unit | None:
    """Return the unit that a header names, such as `Consumption (kWh)` or `energy_wh`. Return None if it names none.

    Raise ValueError if the header names a unit that is no electrical energy, or two units.
    """
    text = header.replace("_", " ")
    found = {_spelt(word) for word in re.findall(_WORD, text)}
    other = re.search(_OTHER, text)
    if other and not found:
        raise ValueError(f'the header "{header}" is in {other[1]}; a bill needs Wh, kWh, MWh, W or kW')
    if len(found) > 1:
        raise ValueError(f'the header "{header}" names two units; say which one holds: --unit {min(found)}')
    return unit_of(found.pop()) if found else None


def _spelt(word: str) -> str:
    """Return a unit as UNIT_NAMES spells it. MWh is mega; mWh, with a small m, is milli."""
    if word == "mwh":
        raise ValueError('the header says "mwh", which may be milli or mega; say which one holds: --unit MWh')
    if word.startswith("m"):
        if not word.endswith(("h", "H")):
            raise ValueError(f'the header says "{word}"; say the unit of the values: --unit W')
        return "mWh"
    prefix = {"k": "k", "M": "M"}.get(word[0].replace("K", "k"), "")
    return prefix + ("Wh" if word[-1] in "hH" else "W")
