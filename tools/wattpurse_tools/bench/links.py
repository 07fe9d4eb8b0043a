"""Figures of the links to a meter: `python -m wattpurse_tools.bench.links FILE [LINK]` adds them to a JSON file.

A link is `mqtt` or `gatt`; without one, all are measured. `links_mqtt` and `links_gatt` describe their methods.
"""

import json
import sys
from pathlib import Path

from wattpurse_tools.bench import links_gatt, links_mqtt
from wattpurse_tools.bench.figures import report
from wattpurse_tools.places import ROOT

LINKS = {"mqtt": links_mqtt, "gatt": links_gatt}

_DECIMALS = 1


def main(words: list[str]) -> int:
    """Measure, add the figures to the file that is named, print them, and return 1 if a bound is not kept."""
    path = Path(words[0]) if words else ROOT / "build/links.json"
    names = words[1:] or list(LINKS)
    if not set(names) <= set(LINKS):
        print(f"there is no link {' '.join(names)}; name one of {', '.join(LINKS)}")
        return 2
    is_met = True
    for name in names:
        link = LINKS[name]
        measured, notes = link.measure()
        values = {figure: round(value, _DECIMALS) for figure, value in measured.items()}
        _add(path, values)
        print("\n".join([*notes, *report(values, link.FIGURES)]), flush=True)
        is_met = is_met and all(one.is_met(values[one.name]) is not False for one in link.FIGURES if one.name in values)
    return 0 if is_met else 1


def _add(path: Path, values: dict[str, float]) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**known, **values}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
