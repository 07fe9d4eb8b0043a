"""Load curves as meters and portals export them: CSV files of two columns, read strictly.

Each line has an ISO time with its offset, and the energy in Wh of the interval that starts then.
All intervals are as long as the first, and each begins at the end of the one before.
A missing, doubled or misplaced line would make a bill that looks right and is wrong.
It is a ValueError that names the line and says how to correct it.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wattpurse_tools.tariffs.fields import instant, matching

MWH_PER_WH = 1000

_energy_form = matching(
    r"(\d{1,12})(?:\.(\d{1,3}))?", 'write Wh with a decimal point and at most three decimals, such as "137.5"'
)


@dataclass(frozen=True)
class LoadCurve:
    """Consumption without a gap: the energies, in mWh, of intervals of `interval_s` seconds from `start_s` (UTC) on."""

    start_s: int
    interval_s: int
    energies_mwh: tuple[int, ...]

    @property
    def end_s(self) -> int:
        """The second at which the last interval ends."""
        return self.start_s + self.interval_s * len(self.energies_mwh)


def load(path: str | Path, interval_s: int | None = None) -> LoadCurve:
    """Return the load curve in a CSV file. Raise OSError, or ValueError with the number of the wrong line."""
    path = Path(path)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return read(lines, path.name, interval_s)


def read(lines: Iterable[str], name: str, interval_s: int | None = None) -> LoadCurve:
    """Return the load curve in CSV `lines`. A first line of words is skipped as a header, and so are empty lines.

    name: the name of the source, with which every error begins.
    interval_s: the length of every interval. Default: the time from the first line to the second.
    """
    start_s: int | None = None
    previous_s = 0
    energies_mwh: list[int] = []
    for number, columns in _rows(lines, name):
        where = f"{name} line {number}"
        time_s, energy_mwh = _columns(columns, where)
        if start_s is None:
            start_s = time_s
        else:
            _check_order(time_s - previous_s, where)
            interval_s = interval_s or time_s - previous_s
            _check_step(time_s - previous_s, interval_s, where)
        previous_s = time_s
        energies_mwh.append(energy_mwh)
    if start_s is None:
        raise ValueError(f"{name}: holds no energy; write a line for each interval: its start, a comma, Wh")
    if interval_s is None:
        raise ValueError(f"{name}: a single line does not tell how long its interval is; add --interval MINUTES")
    return LoadCurve(start_s, interval_s, tuple(energies_mwh))


def _rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(lines)
    try:
        for columns in rows:
            columns = [column.strip() for column in columns]
            is_header = rows.line_num == 1 and all(column[:1].isalpha() for column in columns)
            if any(columns) and not is_header:
                yield rows.line_num, columns
    except csv.Error as error:
        raise ValueError(f"{name} line {rows.line_num}: {error}; save it as plain CSV") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} line {rows.line_num + 1}: is not text in UTF-8; save it as plain CSV") from error


def _columns(columns: list[str], where: str) -> tuple[int, int]:
    if len(columns) != 2:
        raise ValueError(
            f"{where}: has {len(columns)} columns; write two, a time and Wh, with one comma between and a decimal point"
        )
    time_s = instant(columns[0], where)
    if columns[1].startswith("-"):
        raise ValueError(
            f"{where}: {columns[1]} Wh is negative; write the energy consumed alone, without the energy fed in"
        )
    matched = _energy_form(columns[1], where)
    return time_s, int(matched[1]) * MWH_PER_WH + int((matched[2] or "").ljust(3, "0"))


def _check_order(step_s: int, where: str) -> None:
    if step_s == 0:
        raise ValueError(
            f"{where}: has the same time as the line before; leave one out, or give the hour that a daylight change "
            "repeats its own offset"
        )
    if step_s < 0:
        raise ValueError(
            f"{where}: is earlier than the line before; sort the lines by time, and check the offsets around a "
            "daylight change"
        )


def _check_step(step_s: int, interval_s: int, where: str) -> None:
    if step_s > interval_s:
        raise ValueError(
            f"{where}: {_duration(step_s - interval_s)} before it are missing, intervals are {_duration(interval_s)}; "
            "add the missing lines (0 if nothing was consumed), or set --interval MINUTES"
        )
    if step_s < interval_s:
        raise ValueError(
            f"{where}: overlaps the line before by {_duration(interval_s - step_s)}, intervals are "
            f"{_duration(interval_s)}; leave out the lines that count energy twice, or set --interval MINUTES"
        )


def _duration(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"
