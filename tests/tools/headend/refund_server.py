"""A payment provider on this computer that refunds, by Stripe's published documentation.

`POST /v1/refunds` keeps the first answer to an `Idempotency-Key` and returns it again, also an error of 402 or 500. It
keeps none of 401, 409 and 429, because nothing was begun. The same key with other fields is an error. The sum of
refunds is never above the payment. `plan` names the next answers to POST, one each:

    ok, pending     the refund is made
    401, 409, 429   nothing is begun
    402, 500        nothing is made, and the answer is kept
    500 made        the refund is made, and the kept answer is 500
    lost            the refund is made, and the connection breaks before the answer
    slow            the refund is made, and the answer comes after `slow_s` seconds
"""

import json
import time
from urllib.parse import parse_qs, urlsplit

from tests.tools.headend.loopback_server import LoopbackServer, QuietHandler

API_KEY = "sk_test_of_tests"


class RefundServer(LoopbackServer):
    """The provider for a `with` block. `paid` are the amounts of its payments in cents."""

    def __init__(self, paid):
        self.paid = paid
        self.plan = []
        self.refunds = []
        self.keys = {}
        self.posts = 0
        self.slow_s = 1.5
        self.charge_of = {name: name.replace("pi", "ch") for name in paid}

    def handler_class(self):
        provider = self

        class Handler(QuietHandler):
            def do_POST(self):
                fields = self.form()
                provider.posts += 1
                step = provider.plan.pop(0) if provider.plan else "ok"
                if self.headers.get("Authorization") != f"Bearer {API_KEY}":
                    self._answer(401, error("Invalid API Key"))
                    return
                status, content = provider.create(step, self.headers["Idempotency-Key"], fields)
                if step == "lost":
                    self.close_connection = True
                    return
                if step == "slow":
                    time.sleep(provider.slow_s)
                self._answer(status, content)

            def do_GET(self):
                where = urlsplit(self.path)
                if where.path == "/v1/refunds":
                    wanted = parse_qs(where.query)["payment_intent"][0]
                    data = [one for one in provider.refunds if one["payment_intent"] == wanted]
                    self._answer(200, {"object": "list", "data": data})
                    return
                found = [one for one in provider.refunds if one["id"] == where.path.split("/")[-1]]
                self._answer(200, found[0]) if found else self._answer(404, error("No such refund"))

            def _answer(self, status, content):
                body = json.dumps(content).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client did not wait

        return Handler

    def create(self, step, key, fields):
        """Return status and content of the answer to a request."""
        if step in ("401", "409", "429"):
            return int(step), error(f"planned {step}")
        if key in self.keys:
            before, status, content = self.keys[key]
            if before != fields:
                return 400, error("Keys for idempotent requests can only be used with the same parameters", "")
            return status, content
        status, content = self._made(step, fields)
        self.keys[key] = (fields, status, content)
        return status, content

    def _made(self, step, fields):
        if step in ("402", "500"):
            return int(step), error(f"planned {step}")
        name, amount = fields["payment_intent"], int(fields["amount"])
        if name not in self.paid:
            return 404, error("No such payment_intent", "resource_missing")
        made = [one for one in self.refunds if one["payment_intent"] == name]
        given = sum(one["amount"] for one in made if one["status"] not in ("failed", "canceled"))
        if given + amount > self.paid[name]:
            return 400, error("Charge has already been refunded.", "charge_already_refunded")
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "created": int(time.time()),
            "amount": amount,
            "charge": self.charge_of[name],
            "payment_intent": name,
            "status": "pending" if step == "pending" else "succeeded",
            "metadata": {"request": fields["metadata[request]"]},
        }
        self.refunds.append(refund)
        return (500, error("planned 500")) if step == "500 made" else (200, dict(refund))


def error(words, code=""):
    """Return the content of an error."""
    return {"error": {"type": "invalid_request_error", "code": code, "message": words}}
