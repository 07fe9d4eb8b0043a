"""A load file of any format as load curves."""

from collections.abc import Iterator
from pathlib import Path

from wattpurse_tools.loads import amounts, formats, joints
from wattpurse_tools.loads.options import ReadOptions
from wattpurse_tools.loads.text_file import TextFile
from wattpurse_tools.tariffs.load_curve import LoadCurve


class LoadFile:
    """A load file. Each iteration reads it anew and yields its load curves, each from the end of the one before.

    A fault of the file is a ValueError that names the file, the line and the remedy. Some faults, such as gaps, are
    raised at the end of the file, with their total.
    """

    def __init__(self, path: str | Path, options: ReadOptions | None = None) -> None:
        self._file = TextFile(path)
        self._options = options or ReadOptions()
        self.format = self._options.format or formats.format_of(self._file.head)

    def __iter__(self) -> Iterator[LoadCurve]:
        rows = formats.importer(self.format)(self._file, self._options)
        pieces = joints.join(rows, self._options, self._file.name)
        is_empty = True
        for curve in amounts.energies(pieces, rows, self._file.name):
            is_empty = False
            yield curve
        if is_empty:
            raise ValueError(
                f"{self._file.name}: holds no energy; write a line for each interval: its start, a comma, Wh"
            )


def whole(path: str | Path, options: ReadOptions | None = None) -> LoadCurve:
    """Return a file whose intervals are all alike as one load curve. Raise ValueError if their length changes."""
    curves = list(LoadFile(path, options))
    if len({curve.interval_s for curve in curves}) > 1:
        raise ValueError(f"{path}: the length of the intervals changes")
    energies_mwh = tuple(energy_mwh for curve in curves for energy_mwh in curve.energies_mwh)
    return LoadCurve(curves[0].start_s, curves[0].interval_s, energies_mwh)
