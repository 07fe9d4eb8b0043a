"""A PC/SC reader without pcscd: the driver talks to the model of a card at once. For tests of every single command."""

from tests.tools.readers.pcsc_card import Gone
from wattpurse_tools.readers import troubles
from wattpurse_tools.readers.driver import PcscDriver
from wattpurse_tools.readers.troubles import trouble_of

NAMES = {
    "pn532": "ACS ACR122U PICC Interface 00 00",
    "plain": "ACS ACR1252 1S CL Reader 00 00",
    "identiv": "Identiv uTrust 3700 F CL Reader 00 00",
    "omnikey": "HID Global OMNIKEY 5022 Smart Card Reader 00 00",
}


class DirectReader:
    """A reader with `card`, a PcscCard, or None. `driver` is that of the computer."""

    def __init__(self, card, name=None):
        self.card = card
        self.name = name or NAMES[card.family]
        self.driver = PcscDriver(self.connect)

    def connect(self):
        if self.card is None:
            raise trouble_of(troubles.NO_CARD)
        return DirectConnection(self)


class DirectConnection:
    """A connection to the card on a DirectReader. It is broken for good when the card is lifted."""

    def __init__(self, reader):
        self.reader = reader.name
        self._card = reader.card
        self._is_broken = False
        self._card.power_on()
        self.atr = self._card.atr

    def transmit(self, apdu):
        if self._is_broken:
            raise trouble_of(troubles.REMOVED)
        try:
            return self._card.transmit(apdu)
        except Gone:
            self._is_broken = True
            raise trouble_of(troubles.NOT_TRANSACTED)

    def reset(self):
        if self._is_broken:
            raise trouble_of(troubles.REMOVED)
        self._card.power_on()

    def close(self):
        self._card.power_off()
