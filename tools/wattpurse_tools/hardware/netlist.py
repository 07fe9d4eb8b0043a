"""The netlist in docs/hardware/netlist.toml: parts, nets, voltage domains, and the pins of each board.

`read` reads it and refuses a document that is not whole. `circuit_of` returns the circuit around one board.
"""

import importlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wattpurse_tools import boards
from wattpurse_tools.places import ROOT

FILE = ROOT / "docs/hardware/netlist.toml"
FORMAT = 1

GROUND = "GND"
BOARD_SUPPLY = "3V3"
BOARD = "board"

_MULTIPLES = {"M": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_VALUE = re.compile(r"(\d+(?:\.\d+)?) ([Mkmunp]?)(ohm|F)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) %")
_USES = ("strapping", "jtag", "flash")
_BOARD_KEYS = ("part", "title", "supplies", "signals", *_USES)
_PART_KEYS = frozenset(("kind", "value", "rating", "block", "pins"))
_OPTIONAL_PART_KEYS = frozenset(
    ("text", "why", "package", "numbers", "outputs", "open_drain", "has_pull_up", "removed")
)


@dataclass(frozen=True)
class Goods:
    """The words to buy and to prepare a part with. `why` gives the reason of its value, `removed` names parts of it."""

    value: str
    rating: str
    text: str = ""
    why: str = ""
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pins:
    """The pins of a part: the net of each, its number on the chip, and the pins that drive or pull their nets."""

    nets: dict[str, str]
    numbers: dict[str, int] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    open_drain: tuple[str, ...] = ()
    has_pull_up: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part, or a unit of the chip `package`."""

    ref: str
    kind: str
    block: str
    package: str
    goods: Goods
    connections: Pins

    @property
    def value(self) -> str:
        """The name or the value of the part."""
        return self.goods.value

    @property
    def rating(self) -> str:
        """The limits that a part to be bought must keep."""
        return self.goods.rating

    @property
    def pins(self) -> dict[str, str]:
        """The net of each pin."""
        return self.connections.nets

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each pin on its chip."""
        return self.connections.numbers

    @property
    def outputs(self) -> tuple[str, ...]:
        """The pins that drive their nets high and low."""
        return self.connections.outputs

    @property
    def open_drain(self) -> tuple[str, ...]:
        """The pins that pull their nets low only."""
        return self.connections.open_drain

    @property
    def has_pull_up(self) -> tuple[str, ...]:
        """The pins with a resistor inside the part."""
        return self.connections.has_pull_up

    @property
    def amount(self) -> float:
        """The value in ohms or farads. Raise ValueError for a part that has none."""
        return amount_of(self.value)

    @property
    def tolerance(self) -> float:
        """The tolerance that the rating names, as a share of the value. Raise ValueError if it names none."""
        found = _PERCENT.search(self.rating)
        if found is None:
            raise ValueError(f"{self.ref}: its rating names no tolerance")
        return float(found[1]) / 100

    def others(self, net: str) -> list[str]:
        """Return the nets of the part's other pins."""
        return [other for other in self.pins.values() if other != net]


@dataclass(frozen=True)
class BoardPins:
    """The pins of one board. `signals` has the GPIO of each signal, `supplies` the nets of the other pins.

    `uses` has the GPIO numbers with another use on the chip: strapping, jtag and flash.
    """

    name: str
    part: str
    title: str
    uses: dict[str, frozenset[int]]
    supplies: dict[str, str]
    signals: dict[str, int]


@dataclass(frozen=True)
class Netlist:
    """The whole document. `domains` has the meaning of each domain, `domain_of` the domain of each net."""

    domains: dict[str, str]
    domain_of: dict[str, str]
    isolators: dict[str, str]
    boards: dict[str, BoardPins]
    parts: dict[str, Part]


@dataclass(frozen=True)
class Circuit:
    """The circuit around one board: the parts of the netlist, and the board itself as a part."""

    netlist: Netlist
    board: BoardPins
    wiring: tuple[tuple[Any, ...], ...]
    input_only: frozenset[int]
    reserved: frozenset[int]
    parts: dict[str, Part]
    _on_net: dict[str, list[tuple[Part, str]]] = field(default_factory=dict)

    def on(self, net: str) -> list[tuple[Part, str]]:
        """Return the pins on a net, each with its part."""
        if not self._on_net:
            for part in self.parts.values():
                for pin, its_net in part.pins.items():
                    self._on_net.setdefault(its_net, []).append((part, pin))
        return self._on_net.get(net, [])

    def between(self, kind: str, net: str, other: str) -> list[Part]:
        """Return the parts of a kind that join the two nets."""
        return [part for part, _ in self.on(net) if part.kind == kind and other in part.others(net)]

    def resistors_from(self, net: str) -> Iterator[tuple[Part, str]]:
        """Yield each resistor on a net, with the net of its other end."""
        for part, _ in self.on(net):
            if part.kind == "resistor":
                for other in part.others(net):
                    yield part, other


def net_of(signal: str) -> str:
    """Return the net of a signal of the wiring table."""
    return signal.upper()


def amount_of(value: str) -> float:
    """Return the ohms or farads that a value such as `10 kohm` begins with. Raise ValueError if it has none."""
    found = _VALUE.match(value)
    if found is None:
        raise ValueError(f"{value!r} is no resistance and no capacitance, such as '10 kohm' or '470 nF'")
    return float(found[1]) * _MULTIPLES.get(found[2], 1)


def read(file: Path = FILE) -> Netlist:
    """Return the netlist in a file. Raise ValueError if it is not whole, or OSError if it cannot be read."""
    return parse(file.read_text(encoding="utf-8"), file.name)


def parse(text: str, name: str) -> Netlist:
    """Return the netlist in a text; `name` is for messages. Raise ValueError if it is not whole."""
    try:
        document = tomllib.loads(text)
        if document.get("format") != FORMAT:
            raise ValueError(f"it is of format {document.get('format')}, and this program knows format {FORMAT}")
        domains = document["domains"]
        return Netlist(
            domains={domain: facts["text"] for domain, facts in domains.items()},
            domain_of=_domain_of(domains),
            isolators=document["isolators"],
            boards={board: _board(board, facts) for board, facts in document["boards"].items()},
            parts={ref: _part(ref, facts) for ref, facts in document["parts"].items()},
        )
    except KeyError as error:
        raise ValueError(f"{name}: {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def circuit_of(netlist: Netlist, name: str) -> Circuit:
    """Return the circuit around the board of that name. Raise ValueError if the netlist or boards/ lacks it."""
    if name not in netlist.boards:
        raise ValueError(f"the netlist has no board {name}: add a section [boards.{name}]")
    facts = boards.find(name).pins
    wiring = importlib.import_module(f"boards.{name}.pins").WIRING
    pins = netlist.boards[name]
    return Circuit(
        netlist=netlist,
        board=pins,
        wiring=wiring,
        input_only=facts.input_only,
        reserved=facts.reserved,
        parts={pins.part: _board_part(pins, wiring), **netlist.parts},
    )


def _board_part(pins: BoardPins, wiring: tuple[tuple[Any, ...], ...]) -> Part:
    """Return the board as a part. A pin of its signals has the signal's name."""
    directions = {row[0]: row[2] for row in wiring}
    supplies = pins.supplies
    connections = Pins(
        nets={**supplies, **{signal: net_of(signal) for signal in pins.signals}},
        outputs=(
            *(pin for pin, net in supplies.items() if net == BOARD_SUPPLY),
            *(signal for signal in pins.signals if directions.get(signal) == "out"),
        ),
        open_drain=tuple(signal for signal in pins.signals if directions.get(signal) == "both"),
    )
    return Part(pins.part, BOARD, BOARD, "", Goods(pins.title, ""), connections)


def _domain_of(domains: dict[str, Any]) -> dict[str, str]:
    domain_of = {}
    for domain, facts in domains.items():
        for net in facts["nets"]:
            if net in domain_of:
                raise ValueError(f"net {net} is in the domains {domain_of[net]} and {domain}; it can be in one")
            domain_of[net] = domain
    return domain_of


def _board(name: str, facts: dict[str, Any]) -> BoardPins:
    unknown = set(facts) - set(_BOARD_KEYS)
    if unknown:
        raise ValueError(f"board {name}: unknown keys {', '.join(sorted(unknown))}")
    uses = {use: frozenset(facts[use]) for use in _USES}
    return BoardPins(name, facts["part"], facts["title"], uses, facts["supplies"], facts["signals"])


def _part(ref: str, facts: dict[str, Any]) -> Part:
    missing, unknown = _PART_KEYS - facts.keys(), facts.keys() - _PART_KEYS - _OPTIONAL_PART_KEYS
    if missing or unknown:
        words = [f"{key} is missing" for key in sorted(missing)] + [f"{key} is unknown" for key in sorted(unknown)]
        raise ValueError(f"part {ref}: {', '.join(words)}")
    return Part(
        ref=ref,
        kind=facts["kind"],
        block=facts["block"],
        package=facts.get("package", ""),
        goods=Goods(
            facts["value"],
            facts["rating"],
            facts.get("text", ""),
            facts.get("why", ""),
            tuple(facts.get("removed", ())),
        ),
        connections=Pins(
            facts["pins"],
            facts.get("numbers", {}),
            tuple(facts.get("outputs", ())),
            tuple(facts.get("open_drain", ())),
            tuple(facts.get("has_pull_up", ())),
        ),
    )
