"""The outages of a rehearsal, as they were seen: by kind, with the virtual times of begin and end."""

from collections import defaultdict

_MINUTE_S = 60


class Outages:
    """The outages so far. A kind of outage has one that is open at most."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, int]] = {}
        self._ended: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def begin(self, kind: str, meters: int, now_s: int) -> None:
        """Note the begin of an outage for so many meters. One that is open already goes on."""
        self._open.setdefault(kind, (meters, now_s))

    def end(self, kind: str, now_s: int) -> None:
        """Note the end of an outage. One that is not open is left alone."""
        if kind in self._open:
            meters, begun_s = self._open.pop(kind)
            self._ended[kind].append((meters, now_s - begun_s))

    def is_open(self, kind: str) -> bool:
        """Return True while an outage lasts."""
        return kind in self._open

    def lines(self) -> dict[str, str]:
        """Return the number, the meters and the longest time of the outages that have ended, by kind."""
        return {
            kind: f"{len(found)}, of at most {max(meters for meters, _ in found)} meters,"
            f" the longest {_hours(max(seconds for _, seconds in found))}"
            for kind, found in self._ended.items()
        }


def _hours(seconds: int) -> str:
    return f"{seconds // 3_600} h {seconds % 3_600 // _MINUTE_S:02} min"
