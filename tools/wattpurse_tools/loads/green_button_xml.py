"""Green Button XML, the feed of the ESPI standard (NAESB REQ.21).

An entry with a ReadingType describes the values. Entries with IntervalBlocks hold them, with start in UTC seconds,
duration and value. Links join the two: a block lies below its MeterReading, and that entry is related to its
ReadingType. The file is read twice, so that neither pass keeps the values: first the types and links, then the blocks.
"""

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from wattpurse_tools.loads.block import BOTH, Block, Rows
from wattpurse_tools.loads.channels import chosen
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.loads.units import Unit

_ATOM = "{http://www.w3.org/2005/Atom}"
_ESPI = "{http://naesb.org/espi}"

_REVERSE = "19"  # flowDirection: from the customer
_DELTA = ("", "4")  # accumulationBehaviour: the energy of the interval
_INDICATING = "6"  # the mean power of the interval, as utilities use it
_WATT_HOURS, _WATTS = "72", "38"  # uom
_WH_DIGITS = 3


class ReadingType(NamedTuple):
    """The description of the values of a MeterReading."""

    uom: str
    power_of_ten: int
    flow: str
    behaviour: str


def read(file: TextFile, options: ReadOptions) -> Rows:
    """Return the rows of one MeterReading."""
    if "<!doctype" in file.head.lower():
        raise ValueError(f"{file.name}: a Green Button file has no DOCTYPE; this one is not read")
    types, related = _types(file)
    readings = {
        reading: types[type_link]
        for reading, links in related.items()
        for type_link in links
        if type_link in types and types[type_link].uom in (_WATT_HOURS, _WATTS) and types[type_link].flow != _REVERSE
    }
    if not readings and len(types) == 1:
        readings = {"": next(iter(types.values()))}  # a feed without links: all blocks are of the only type
    reading = chosen(options.meaning.channel, readings, file.name, "meter readings")
    kind = readings[reading]
    if kind.uom not in (_WATT_HOURS, _WATTS) or kind.behaviour not in (*_DELTA, _INDICATING):
        raise ValueError(f"{file.name}: the values are no energy of intervals (uom {kind.uom}, {kind.behaviour})")
    digits = _WH_DIGITS + kind.power_of_ten
    if digits < 0:
        raise ValueError(f"{file.name}: powerOfTenMultiplier {kind.power_of_ten} is below a mWh")
    unit = Unit("Wh" if kind.uom == _WATT_HOURS else "W", digits, kind.uom == _WATTS)
    return Rows(_blocks(file, reading), unit, BOTH)


def _types(file: TextFile) -> tuple[dict[str, ReadingType], dict[str, list[str]]]:
    """Return the ReadingTypes by their link, and the related links of each MeterReading."""
    types: dict[str, ReadingType] = {}
    related: dict[str, list[str]] = {}
    for entry in _entries(file):
        own = _link(entry, "self")
        kind = entry.find(f".//{_ESPI}ReadingType")
        if kind is not None:
            types[own] = ReadingType(
                _text(kind, "uom"),
                int(_text(kind, "powerOfTenMultiplier") or 0),
                _text(kind, "flowDirection"),
                _text(kind, "accumulationBehaviour"),
            )
        elif entry.find(f".//{_ESPI}MeterReading") is not None:
            related[own] = [link.get("href", "") for link in entry.iter(f"{_ATOM}link") if link.get("rel") == "related"]
    return types, related


def _blocks(file: TextFile, reading: str) -> Iterator[Block]:
    """Yield the values of the blocks of one MeterReading. A row counts as the line of its place in the file."""
    number = 0
    for entry in _entries(file):
        if not _link(entry, "up").startswith(reading):
            continue
        for one in entry.iter(f"{_ESPI}IntervalBlock"):
            block = Block([], [], [], [])
            for place in one.iter(f"{_ESPI}IntervalReading"):
                number += 1
                _add(block, place, number, file.name)
            yield block


def _add(block: Block, reading: ElementTree.Element, number: int, name: str) -> None:
    """Add an IntervalReading to a block."""
    start, seconds = _text(reading, "start"), _text(reading, "duration")
    value = _text(reading, "value")
    if not (start.isdigit() and seconds.isdigit()):
        raise ValueError(f"{name} line {number} of its readings: has no start and duration in seconds")
    assert isinstance(block.lines, list) and isinstance(block.values, list) and block.ends is not None
    block.lines.append(number)
    block.times.append(int(start))
    block.ends.append(int(start) + int(seconds))
    block.values.append(value)


def _entries(file: TextFile) -> Iterator[ElementTree.Element]:
    """Yield each entry of the feed, and forget it afterwards."""
    with file.path.open("rb") as data:
        try:
            root = None
            for event, element in ElementTree.iterparse(data, ("start", "end")):
                if root is None:
                    root = element
                if event == "end" and element.tag == f"{_ATOM}entry":
                    yield element
                    root.clear()
        except ElementTree.ParseError as error:
            raise ValueError(f"{file.name}: is no whole XML document: {error}; export it again") from error


def _link(entry: ElementTree.Element, relation: str) -> str:
    return next((link.get("href", "") for link in entry.iter(f"{_ATOM}link") if link.get("rel") == relation), "")


def _text(element: ElementTree.Element, name: str) -> str:
    found = element.find(f".//{_ESPI}{name}")
    return (found.text or "").strip() if found is not None else ""
