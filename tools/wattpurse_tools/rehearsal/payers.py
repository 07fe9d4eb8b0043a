"""The payments of a rehearsal: a provider with signed web hooks and a checkout, and customers with telephones.

`Payers` is the plain book: it notes each payment once, by its own number, and knows nothing of the office. It also
notes the payments that came back to their payers.
"""

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path

from wattpurse.core import carrier
from wattpurse_tools.fleet.meter import FleetMeter
from wattpurse_tools.fob.bag import Bag, carried
from wattpurse_tools.headend.providers.provider_file import STRIPE, Provider, put_provider
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.rehearsal.checkout_page import API_KEY, Checkout
from wattpurse_tools.station.actions import fobs
from wattpurse_tools.station.shop import Shop

PROVIDER = "paysim"

_SECRET = "whsec_of_a_rehearsal"  # noqa: S105 the provider is simulated, and its office is thrown away
_WAIT_S = 30
_MICRO_PER_CENT = 10_000
_STATEMENT_CAPACITY = 512


@dataclass(frozen=True)
class Paid:
    """A payment as its payer knows it. `meter` is None if no meter of the office is named."""

    number: str
    microunits: int
    meter: int | None


class Payers:
    """The payers at the office in `folder`, whose pages listen at `port`."""

    def __init__(self, folder: OfficeFolder, port: int) -> None:
        self.paid: list[Paid] = []
        self.given_back: list[Paid] = []
        self.port = port
        self._checkout = Checkout()
        self._checkout.start()
        put_provider(folder, Provider(PROVIDER, STRIPE, (_SECRET,), API_KEY, {"api": self._checkout.url}))

    def pay(self, reference: str, microunits: int, meter: int | None, times: int = 1) -> Paid:
        """Pay. The provider sends its web hook `times` times. Raise OSError unless each is answered with 200."""
        return self._tell(Paid(f"pi_{len(self.paid):06}", microunits, meter), {"meter": reference}, times)

    def pay_at(self, link: str, meter: int) -> Paid:
        """Pay at the provider's page behind a link. The provider tells it twice, as by its two events."""
        metadata, cents = self._checkout.ordered(link)
        return self._tell(Paid(f"pi_{len(self.paid):06}", cents * _MICRO_PER_CENT, meter), metadata, 2)

    def close(self) -> None:
        """End the provider's own pages."""
        self._checkout.close()

    def _tell(self, one: Paid, metadata: dict[str, str], times: int) -> Paid:
        self.paid.append(one)
        body = self._event(one, metadata)
        for _ in range(times):
            status = self._send(body, _SECRET)
            if status != 200:
                raise OSError(f"the web hook of {one.number} was answered with {status}")
        return one

    def forge(self, reference: str, microunits: int) -> int:
        """Send a web hook with the signature of another secret. Return the status of the answer."""
        return self._send(self._event(Paid("pi_forged", microunits, None), {"meter": reference}), "whsec_of_a_thief")

    def _event(self, one: Paid, metadata: dict[str, str]) -> bytes:
        intent = {
            "object": "payment_intent",
            "id": one.number,
            "amount": one.microunits // _MICRO_PER_CENT,
            "amount_received": one.microunits // _MICRO_PER_CENT,
            "currency": "eur",
            "status": "succeeded",
            "metadata": metadata,
            "description": metadata["meter"],
        }
        event = {
            "id": f"evt_{one.number}",
            "type": "payment_intent.succeeded",
            "created": int(time.time()),
            "data": {"object": intent},
        }
        return json.dumps(event).encode()

    def _send(self, body: bytes, secret: str) -> int:
        now_s = int(time.time())
        signature = hmac.new(secret.encode(), b"%d." % now_s + body, hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_WAIT_S)
        try:
            headers = {"Stripe-Signature": f"t={now_s},v1={signature}", "Content-Type": "application/json"}
            connection.request("POST", f"/pay/hook/stripe/{PROVIDER}", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


def carry_by_phone(shop: Shop, meter: FleetMeter, folder: Path) -> int:
    """Carry the tokens of a meter in the bag of a telephone, and its statement back. Return the number of tokens."""
    bag = Bag(folder / f"bag-{meter.number}.json")
    tokens = fobs.tokens_for(shop, [meter.number])
    bag.put(carried(one["meter"], one["sequence"], one["sealed"], one["text"]) for one in tokens)
    waiting = bag.waiting(meter.number)
    for one in waiting:
        sealed = bytes.fromhex(one["sealed"])
        bag.note_outcome(sealed, meter.redeem(sealed, carrier.BLE))
    bag.bring(meter.number, meter.statement_for_bluetooth(_STATEMENT_CAPACITY))
    for brought in list(bag.statements):
        fobs.record(shop, brought["meter"], bytes.fromhex(brought["content"]))
        bag.hand_in(brought)
    return len(waiting)
