"""Messages to the meter: sealed tokens, and the wish that it shows where it is.

A token is acknowledged to its sender by a message with its number and outcome. It is acknowledged to the broker after
that message has arrived there. If the line ends in between, the broker sends the token again; it is used then, and the
sender learns that. So every sender gets an answer, and no token counts twice.
"""

from wattpurse.core import carrier, outcome
from wattpurse.core.messages import mqtt, token
from wattpurse.services.mqtt.publisher import Publication

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.services.mqtt.codec import Message
    from wattpurse.services.teller import Teller
    from wattpurse.stores import Stores

HELD = 16  # tokens whose outcome is on its way; the broker sends further ones again at the next connection
UNREADABLE_PAUSE_MS = 500
TOKEN_PAUSE_MS = 20

_REDEEMED = (outcome.ACCEPTED, outcome.USED)
# Anybody who may write at the broker can cause these: they must not take the display from its customer.
_SILENT = (outcome.USED, outcome.UNREADABLE, outcome.NOT_THIS_METER)


class Inbox:
    """Takes messages for the meter of `stores`. Tokens go to `teller`.

    `show_outcome(outcome)` and `show_place()` are the display's.
    """

    def __init__(
        self,
        teller: "Teller",
        stores: "Stores",
        show_outcome: "Callable[[int], None]",
        show_place: "Callable[[], None]",
    ) -> None:
        self._teller = teller
        self._ledger = stores.ledger
        self._settings = stores.settings
        self._show_outcome = show_outcome
        self._show_place = show_place
        self._messages: list[tuple[Message, bool]] = []
        self._receipts: list[tuple[Publication, Message]] = []
        self.accepted = 0

    def begin(self) -> None:
        """Forget the messages of the last connection: the broker sends them again."""
        self._messages = []
        self._receipts = []

    def take(self, message: "Message", is_whole: bool) -> None:
        """Take a message that arrived. Its work is done by `step`."""
        if len(self._messages) + len(self._receipts) < HELD:
            self._messages.append((message, is_whole))

    def step(self) -> tuple:
        """Do the work of one message. Return it if the broker may forget it, or None, and the pause before the next."""
        if not self._messages:
            return None, 0
        message, is_whole = self._messages.pop(0)
        if message.topic != self._topic(mqtt.TOKEN):
            if message.topic == self._topic(mqtt.IDENTIFY):
                self._show_place()
            return message, UNREADABLE_PAUSE_MS
        result = self._redeem(message.payload) if is_whole else outcome.UNREADABLE
        is_redeemed = result in _REDEEMED and (result == outcome.ACCEPTED or self._is_remembered(message.payload))
        receipt = Publication(mqtt.RECEIPT, mqtt.receipt(message.payload, result, is_redeemed), False)
        self._receipts.append((receipt, message))
        return None, TOKEN_PAUSE_MS if result == outcome.ACCEPTED else UNREADABLE_PAUSE_MS

    def first(self) -> tuple:
        """Return the receipt that is next, with the message that it answers, or a pair of None."""
        return self._receipts[0] if self._receipts else (None, None)

    def delivered(self, receipt: Publication) -> None:
        """Forget a receipt that the broker has."""
        self._receipts = [one for one in self._receipts if one[0] is not receipt]

    def _topic(self, name: str) -> bytes:
        return mqtt.topic(self._settings.get("meter_number"), name).encode()

    def _redeem(self, data: bytes) -> int:
        if self._ledger.account is None:
            return outcome.LEDGER_FAILED
        result = self._teller.redeem(data, carrier.MQTT)
        if result == outcome.ACCEPTED:
            self.accepted += 1
        if result not in _SILENT:
            self._show_outcome(result)
        return result

    def _is_remembered(self, data: bytes) -> bool:
        account, number = self._ledger.account, token.read_header(data)[1]
        is_voided = any([one[0] == number for one in account.voided.newest])
        return account.remembers_token(number) and not is_voided
