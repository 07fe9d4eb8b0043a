"""A phone that loses its connection when the test wants."""

from wattpurse_tools.fob import bumble_radio


class BumblePhone(bumble_radio.BumblePhone):
    """The phone. `drops` are numbers of writes, over all connections, after which the connection is lost at once."""

    def __init__(self, link, mtu=bumble_radio.MTU, drops=()):
        super().__init__(link, mtu)
        self._drops = drops
        self.writes = 0

    def takes_write(self):
        self.writes += 1
        return self.writes not in self._drops
