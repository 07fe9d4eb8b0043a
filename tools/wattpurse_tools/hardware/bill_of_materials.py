"""The bill of materials: one row for each kind of part that is bought, with its references and its rating."""

import csv
import io

from wattpurse_tools.hardware.netlist import Netlist, Part

HEADING = ("quantity", "references", "part", "rating", "block", "notes")

_NOT_BOUGHT = ("computer",)


def csv_of(netlist: Netlist) -> str:
    """Return the bill of materials as CSV text. Units of a chip are in the row of the chip."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADING)
    for board in netlist.boards.values():
        writer.writerow((1, board.part, board.title, "", "board", f"for the circuit of wiring-{board.name}.svg"))
    for parts in _alike(netlist):
        blocks = ", ".join(dict.fromkeys(part.block for part in parts))
        writer.writerow((len(parts), " ".join(part.ref for part in parts), *_words(parts[0]), blocks, _notes(parts)))
    return file.getvalue()


def _alike(netlist: Netlist) -> list[list[Part]]:
    """Return the bought parts in groups of the same kind, value and rating, in the order of the netlist."""
    groups: dict[tuple[str, str, str], list[Part]] = {}
    for part in netlist.parts.values():
        if not part.package and part.kind not in _NOT_BOUGHT:
            groups.setdefault((part.kind, part.value, part.rating), []).append(part)
    return list(groups.values())


def _words(part: Part) -> tuple[str, str]:
    """Return name and rating of a part. The kind goes in front of a bare value."""
    has_bare_value = part.kind in ("resistor", "capacitor", "electrolytic")
    kind = "electrolytic capacitor" if part.kind == "electrolytic" else part.kind
    return f"{kind} {part.value}" if has_bare_value else part.value, part.rating


def _notes(parts: list[Part]) -> str:
    """Return the notes on the parts of one row, each once."""
    notes = [part.goods.text for part in parts]
    notes += [f"remove: {one}" for part in parts for one in part.goods.removed]
    return "; ".join(dict.fromkeys(filter(None, notes)))
