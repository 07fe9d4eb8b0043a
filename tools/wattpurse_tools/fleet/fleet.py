"""Meters of a fleet at a broker, in one thread: they live until a common time, and their connections are served."""

import selectors
import time
from collections.abc import Sequence

from wattpurse_tools.fleet.link import FleetLink
from wattpurse_tools.fleet.meter import FleetMeter

RETRY_S = 1.0
MISC_S = 5.0

_PUMP_S = 0.02
_METERS_AT_ONCE = 50


class Fleet:
    """The links of meters. Real seconds rule the network; `live_until` moves the virtual time of the meters."""

    def __init__(self, links: Sequence[FleetLink]) -> None:
        self.links = {link.meter.number: link for link in links}
        self.is_network_there = True
        self._selector = selectors.DefaultSelector()
        self._places: dict[int, tuple[object, int]] = {}
        self._retry_at: dict[int, float] = {}
        self._misc_at = 0.0

    def __getitem__(self, number: int) -> FleetLink:
        return self.links[number]

    @property
    def meters(self) -> list[FleetMeter]:
        """The meters."""
        return [link.meter for link in self.links.values()]

    @property
    def is_connected(self) -> bool:
        """True if all meters with power and network are connected to the broker."""
        return all(link.is_connected for link in self.links.values() if link.is_usable)

    def live_until(self, true_s: int) -> None:
        """Let all meters live until a time, and serve their connections in between."""
        for place, link in enumerate(self.links.values()):
            link.meter.live_until(true_s)
            self._work(link)
            if place % _METERS_AT_ONCE == 0:
                self.pump(0)

    def pump(self, seconds: float) -> None:
        """Serve the connections for so many real seconds."""
        end = time.monotonic() + seconds
        while True:
            self._connect_those_without()
            left_s = max(0.0, min(_PUMP_S, end - time.monotonic()))
            for key, _ in self._selector.select(left_s):
                self.links[key.data].read()
                self._watch(self.links[key.data])
            self._keep_alive()
            if time.monotonic() >= end:
                return

    def settle(self, limit_s: float) -> bool:
        """Serve the connections until nothing waits, at most so many real seconds. Return False if something waits."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self.pump(_PUMP_S)
            for link in self.links.values():
                self._work(link)
            if all(link.is_idle for link in self.links.values() if link.is_usable):
                return True
        return False

    def cut_power(self, number: int) -> None:
        """Cut the power of a meter."""
        link = self.links[number]
        link.meter.cut_power()
        link.drop()
        self._watch(link)

    def restore_power(self, number: int) -> None:
        """Start a meter again."""
        self.links[number].meter.start()

    def lose_reach(self, number: int) -> None:
        """Let the network of one meter fail, until its link's `has_reach` is set again."""
        link = self.links[number]
        link.has_reach = False
        link.drop()
        self._watch(link)

    def drop_network(self) -> None:
        """Cut all connections. None is made until `is_network_there` is set again."""
        self.is_network_there = False
        for link in self.links.values():
            link.drop()
            self._watch(link)

    def close(self) -> None:
        """End all connections."""
        self.drop_network()
        self._selector.close()

    def _connect_those_without(self) -> None:
        if not self.is_network_there:
            return
        now = time.monotonic()
        for number, link in self.links.items():
            if link.socket is not None or not link.is_usable or now < self._retry_at.get(number, 0.0):
                continue
            self._retry_at[number] = now + RETRY_S
            try:
                link.connect()
            except OSError:
                continue
            self._watch(link)

    def _work(self, link: FleetLink) -> None:
        link.work()
        self._watch(link)

    def _watch(self, link: FleetLink) -> None:
        """Watch the socket of a link in place of the one before."""
        number, found = link.meter.number, link.socket
        known = self._places.get(number)
        if known is not None and known[0] is found:
            return
        if known is not None:
            self._selector.unregister(known[1])
            del self._places[number]
        if found is not None:
            self._selector.register(found.fileno(), selectors.EVENT_READ, number)
            self._places[number] = found, found.fileno()

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now < self._misc_at:
            return
        self._misc_at = now + MISC_S
        for link in self.links.values():
            link.keep_alive()
            self._watch(link)
