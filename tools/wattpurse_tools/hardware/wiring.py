"""The wiring picture of a board as SVG: the wires of the board, and below them each block of the circuit.

The upper half has one row for each pin of the board, with a straight wire to the part at its other end. The lower half
shows each part of a block with the net of each pin. Pins with the name of the same net are joined.
"""

from collections.abc import Iterator
from html import escape

from wattpurse_tools.hardware.netlist import BOARD_SUPPLY, GROUND, Circuit, Part

_WIDTH = 1500
_MARGIN = 30
_ROW = 36
_BOARD_LEFT, _BOARD_RIGHT = 590, 910
_MODULE_WIDTH = 300
_MODULE_END = _MARGIN + _MODULE_WIDTH
_CELL = 360
_COLUMNS = 4
_TWO_PIN_HEIGHT = 90
_PIN_STEP = 20

# The blocks left and right of the board, from the top.
_LEFT = ("card reader", "clock", "display")
_RIGHT = ("coil driver", "pulse input", "reverse-flow input", "mains watch", "front", "supply", "console")
_PULLED_TO = (GROUND, BOARD_SUPPLY)
_MAINS = "mains"
# Pins at the right side of a box, besides outputs.
_AT_RIGHT = {"breaker": ("OUT",), "level_shifter": ("HV", "HV1", "HV2"), "mosfet": ("D",), "bipolar": ("C",)}
_MAINS_WARNING = ": work for an electrician. Dead, locked off and proved dead before a hand goes in"
_SYMBOLS = ("resistor", "capacitor", "electrolytic", "diode", "clamp", "fuse", "varistor", "switch")

_STYLE = """\
    text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 13px; fill: #222a33 }
    .title { font-size: 22px; font-weight: bold } .heading { font-size: 16px; font-weight: bold }
    .note { font-size: 12px; fill: #55606e } .ref { font-size: 13px; font-weight: bold }
    .value { font-size: 11.5px; fill: #39434f } .pin { font-size: 11.5px }
    .net { font-family: "DejaVu Sans Mono", monospace; font-size: 11.5px }
    .elv { fill: #1c4f8f } .pulse { fill: #00695c } .console { fill: #6a1b9a } .mains { fill: #b3121d }
    .page { fill: #ffffff } .board { fill: #e4f2e4; stroke: #3f7d46; stroke-width: 2 }
    .part { fill: #f7f8fa; stroke: #59616c; stroke-width: 1.5 }
    .panel { fill: none; stroke: #b4bcc6; stroke-width: 1.5 }
    .danger { fill: #fff1f1; stroke: #b3121d; stroke-width: 3 }
    .warning { font-size: 16px; font-weight: bold; fill: #b3121d }
    .barrier { stroke: #b3121d; stroke-width: 2; stroke-dasharray: 7 4 }
    .wire { fill: none; stroke: #39434f; stroke-width: 1.6 }
    .line-elv { stroke: #1c4f8f } .line-GND { stroke: #111111 }
    .line-3V3 { stroke: #d0720a } .line-5V { stroke: #c62828 }"""


def draw(circuit: Circuit) -> str:
    """Return the picture of the circuit around a board as an SVG document."""
    title = f"Wiring of the meter with {circuit.board.title}"
    upper, bottom = _board_half(circuit, 140)
    lower, bottom = _block_half(circuit, bottom + 40)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom}" role="img">',
            f"  <title>{escape(title)}</title>",
            f"  <style>\n{_STYLE}\n  </style>",
            f'  <rect class="page" x="0" y="0" width="{_WIDTH}" height="{bottom}"/>',
            "  " + _text("title", _MARGIN, 44, title),
            "  " + _text("warning", _MARGIN, 72, "Read SAFETY.md first. The red blocks are work for an electrician."),
            *["  " + line for line in _legend(circuit)],
            *["  " + line for line in (*upper, *lower)],
            "</svg>\n",
        ]
    )


def _legend(circuit: Circuit) -> Iterator[str]:
    """Yield the lines that explain the colours of nets."""
    for number, (domain, meaning) in enumerate(circuit.netlist.domains.items()):
        yield _text(domain, _MARGIN + 700 * (number % 2), 98 + 20 * (number // 2), f"{domain}: {meaning}")


def _board_half(circuit: Circuit, top: int) -> tuple[list[str], int]:
    """Return the drawing of the board with its wires, and the place below it."""
    left, left_end = _side(circuit, _LEFT, top + 40, -1)
    right, right_end = _side(circuit, _RIGHT, top + 40, 1)
    bottom = max(left_end, right_end)
    frame = [
        _rectangle("board", _BOARD_LEFT, top, _BOARD_RIGHT - _BOARD_LEFT, bottom - top),
        _text("heading", (_BOARD_LEFT + _BOARD_RIGHT) // 2, top + 24, f"{circuit.board.part} {circuit.board.title}", 0),
    ]
    return [*frame, *left, *right], bottom


def _side(circuit: Circuit, blocks: tuple[str, ...], top: int, side: int) -> tuple[list[str], int]:
    """Return the blocks at one side of the board; -1 is the left one."""
    lines: list[str] = []
    y = top
    edge = _MARGIN if side < 0 else _WIDTH - _MARGIN - _MODULE_WIDTH
    for block in blocks:
        rows = _board_pins(circuit, block)
        if not rows:
            continue
        stubs = _module_supplies(circuit, block)
        height = _ROW * len(rows) + 22 + 18 * len(stubs)
        lines.append(_rectangle("part", edge, y, _MODULE_WIDTH, height))
        lines.append(_text("heading", edge + _MODULE_WIDTH // 2, y + 18, _title_of(circuit, block), 0))
        for number, (pin, net) in enumerate(rows):
            lines += _wire(circuit, (pin, net), y + 22 + _ROW * number + _ROW // 2, side)
        for number, stub in enumerate(stubs):
            lines.append(_text("note", edge + _MODULE_WIDTH // 2, y + height - 6 - 18 * number, stub, 0))
        y += height + 14
    return lines, y


def _board_pins(circuit: Circuit, block: str) -> list[tuple[str, str]]:
    """Return `(pin, net)` of the board's pins that end in a block: signals by their first part, supplies by block."""
    pins = []
    for pin, net in circuit.parts[circuit.board.part].pins.items():
        if _block_of(circuit, pin, net) == block:
            pins.append((pin, net))
    return pins


def _block_of(circuit: Circuit, pin: str, net: str) -> str:
    if pin in circuit.board.supplies:
        return "console" if net == "USB" else "supply"
    others = [part for part, _ in circuit.on(net) if part.ref != circuit.board.part]
    chips = [part for part in others if part.kind != "resistor"] or others
    return chips[0].block if chips else ""


def _title_of(circuit: Circuit, block: str) -> str:
    modules = [part for part in circuit.parts.values() if part.block == block and part.kind == "module"]
    return f"{modules[0].ref} {_short(modules[0].value)}" if modules else block


def _module_supplies(circuit: Circuit, block: str) -> list[str]:
    """Return a line for each module of a block with the nets of its supply."""
    lines = []
    for part in circuit.parts.values():
        if part.block == block and part.kind in ("module", "level_shifter"):
            supplies = [f"{pin} to {net}" for pin, net in part.pins.items() if net in (GROUND, BOARD_SUPPLY, "5V")]
            lines.append(f"{part.ref}: " + ", ".join(supplies))
    return lines


def _wire(circuit: Circuit, row: tuple[str, str], y: int, side: int) -> Iterator[str]:
    """Yield the wire of one pin of the board, with the names at both ends and its resistors."""
    pin, net = row
    start, end = (_BOARD_LEFT, _MODULE_END) if side < 0 else (_BOARD_RIGHT, _WIDTH - _MODULE_END)
    kind = net if net in (GROUND, BOARD_SUPPLY) else "5V" if net == "VSYS" else "elv"
    yield f'<path class="wire line-{kind}" d="M {start} {y} H {end}"/>'
    yield _text("pin", start - 8 * side, y + 4, _pin_words(circuit, pin), side)
    yield _text("net elv", (start + end) // 2, y - 4, net, 0)
    yield _text("pin", end + 8 * side, y + 4, _far_end(circuit, net), -side)
    pulls = _pulls(circuit, net) if pin in circuit.board.signals else ""
    if pulls:
        yield _text("note", (start + end) // 2, y + 14, pulls, 0)


def _pin_words(circuit: Circuit, pin: str) -> str:
    """Return the words at a pin of the board: the GPIO, and the pin of the header if the wiring table names it."""
    if pin not in circuit.board.signals:
        return pin
    note = next((row[4] for row in circuit.wiring if row[0] == pin), "")
    header = note.split(";")[0] if note.startswith("pin ") else ""
    gpio = f"GPIO {circuit.board.signals[pin]}"
    return f"{gpio} ({header})" if header else gpio


def _far_end(circuit: Circuit, net: str) -> str:
    """Return the pins at the far end of a wire."""
    if net in (GROUND, BOARD_SUPPLY):
        return f"net {net}"
    pulls = [part.ref for part, other in circuit.resistors_from(net) if other in _PULLED_TO]
    ends = [(part, pin) for part, pin in circuit.on(net) if part.ref not in (*pulls, circuit.board.part)]
    return ", ".join(f"{part.package or part.ref} {_pin_label(part, pin)}" for part, pin in ends)


def _pulls(circuit: Circuit, net: str) -> str:
    found = [
        f"{part.ref} {part.value} to {other}" for part, other in circuit.resistors_from(net) if other in _PULLED_TO
    ]
    return ", ".join(found)


def _pin_label(part: Part, pin: str) -> str:
    """Return the name of a pin, with its number on the chip if it has one."""
    return f"{pin} {part.numbers[pin]}" if pin in part.numbers else pin


def _block_half(circuit: Circuit, top: int) -> tuple[list[str], int]:
    """Return the drawings of all blocks, and the place below them."""
    lines: list[str] = []
    y = top
    for block in dict.fromkeys(part.block for part in circuit.netlist.parts.values()):
        parts = [part for part in circuit.netlist.parts.values() if part.block == block and part.pins]
        if not parts:
            continue
        drawn, bottom = _cells(circuit, parts, y + 40)
        is_mains = any(circuit.netlist.domain_of[net] == _MAINS for part in parts for net in part.pins.values())
        frame = "danger" if is_mains else "panel"
        lines.append(_rectangle(frame, _MARGIN - 10, y, _WIDTH - 2 * _MARGIN + 20, bottom - y))
        words = block + (_MAINS_WARNING if is_mains else "")
        lines.append(_text("warning" if is_mains else "heading", _MARGIN + 4, y + 24, words))
        lines += drawn
        y = bottom + 22
    return lines, y


def _cells(circuit: Circuit, parts: list[Part], top: int) -> tuple[list[str], int]:
    """Return the drawings of parts in rows, and the place below them."""
    lines: list[str] = []
    y = top
    for start in range(0, len(parts), _COLUMNS):
        row = parts[start : start + _COLUMNS]
        for column, part in enumerate(row):
            lines += _part(circuit, part, _MARGIN + _CELL * column, y)
        y += max(_height(circuit, part) for part in row)
    return lines, y + 8


def _height(circuit: Circuit, part: Part) -> int:
    if _is_symbol(part):
        return _TWO_PIN_HEIGHT
    left, right = _sides(circuit, part)
    return 78 + _PIN_STEP * max(len(left), len(right))


def _is_symbol(part: Part) -> bool:
    return part.kind in _SYMBOLS and len(part.pins) == 2


def _part(circuit: Circuit, part: Part, x: int, y: int) -> Iterator[str]:
    """Yield the drawing of a part in its cell."""
    yield from _symbol(circuit, part, x, y) if _is_symbol(part) else _box(circuit, part, x, y)


def _symbol(circuit: Circuit, part: Part, x: int, y: int) -> Iterator[str]:
    """Yield a part with two pins: its symbol between the names of its nets."""
    middle, line = x + _CELL // 2, y + 34
    (first, first_net), (second, second_net) = part.pins.items()
    if part.kind in ("diode", "clamp") and first == "K":
        first_net, second_net = second_net, first_net
    yield _text("ref", middle, y + 16, part.ref, 0)
    yield f'<path class="wire" d="M {middle - 44} {line} H {middle - 16} M {middle + 16} {line} H {middle + 44}"/>'
    shape = _SHAPES[part.kind].format(l=middle - 16, m=middle, r=middle + 16, y=line, t=line - 9, b=line + 9)
    yield f'<path class="wire" d="{shape}"/>'
    yield _net(circuit, first_net, middle - 48, line + 4, 1)
    yield _net(circuit, second_net, middle + 48, line + 4, -1)
    for number, words in enumerate(_lines_of(part.value)):
        yield _text("value", middle, line + 24 + 14 * number, words, 0)


# Shapes between x = l and r around the line y: t is above it, b below it.
_SHAPES = {
    "resistor": "M {l} {t} H {r} V {b} H {l} Z",
    "fuse": "M {l} {t} H {r} V {b} H {l} Z M {l} {y} H {r}",
    "varistor": "M {l} {t} H {r} V {b} H {l} Z M {l} {b} L {r} {t}",
    "capacitor": "M {l} {y} H {m} M {m} {t} V {b} M {r} {t} V {b}",
    "electrolytic": "M {l} {y} H {m} M {m} {t} V {b} H {r} V {t} Z M {l} {t} h 8 m -4 -4 v 8",
    "diode": "M {l} {t} V {b} L {r} {y} Z M {r} {t} V {b}",
    "clamp": "M {l} {t} V {b} L {r} {y} Z M {r} {t} V {b} h -6 M {r} {t} h 6",
    "switch": "M {l} {y} L {r} {t}",
}


def _box(circuit: Circuit, part: Part, x: int, y: int) -> Iterator[str]:
    """Yield a part with many pins as a box. A barrier divides an isolator."""
    left, right = _sides(circuit, part)
    height = 10 + _PIN_STEP * max(len(left), len(right))
    box_left, box_right, top = x + 124, x + _CELL - 124, y + 22
    middle = x + _CELL // 2
    yield _text("ref", middle, y + 16, part.ref, 0)
    yield _rectangle("part", box_left, top, box_right - box_left, height)
    if part.ref in circuit.netlist.isolators:
        yield f'<path class="barrier" d="M {middle} {top - 2} V {top + height + 2}"/>'
    for pins, edge, side in ((left, box_left, -1), (right, box_right, 1)):
        for number, (pin, net) in enumerate(pins):
            line = top + 15 + _PIN_STEP * number
            yield f'<path class="wire" d="M {edge} {line} h {10 * side}"/>'
            yield _text("pin", edge - 5 * side, line + 4, _pin_label(part, pin), side)
            yield _net(circuit, net, edge + 13 * side, line + 4, -side)
    for number, words in enumerate(_lines_of(part.value)):
        yield _text("value", middle, top + height + 15 + 14 * number, words, 0)


def _sides(circuit: Circuit, part: Part) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the pins at the left and the right side: domains apart, or outputs and supplies at the right."""
    pins = list(part.pins.items())
    if part.ref in circuit.netlist.isolators:
        first = circuit.netlist.domain_of[pins[0][1]]
        left = [row for row in pins if circuit.netlist.domain_of[row[1]] == first]
    else:
        at_right = (*part.outputs, *part.open_drain, *_AT_RIGHT.get(part.kind, ()))
        left = [row for row in pins if row[0] not in at_right]
    return left, [row for row in pins if row not in left]


def _net(circuit: Circuit, net: str, x: int, y: int, side: int) -> str:
    """Return the name of a net in the colour of its domain."""
    return _text(f"net {circuit.netlist.domain_of[net]}", x, y, net, side)


def _short(value: str) -> str:
    return value.split(",")[0].split(" with ")[0].split(" (")[0]


def _lines_of(value: str) -> list[str]:
    """Return a value in at most two lines of a cell."""
    lines = [""]
    for word in value.split():
        if lines[-1] and len(lines[-1]) + len(word) > 44:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:2]


def _rectangle(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>'


def _text(kind: str, x: int, y: int, words: str, side: int = -1) -> str:
    """Return a text that ends (1), is centred (0) or begins (-1) at `x`."""
    anchor = {1: ' text-anchor="end"', 0: ' text-anchor="middle"', -1: ""}[side]
    return f'<text class="{kind}" x="{x}" y="{y}"{anchor}>{escape(words)}</text>'
