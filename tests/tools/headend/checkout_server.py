"""A payment provider on this computer, by Stripe's published documentation: sessions, its page, its web hook.

`POST /v1/checkout/sessions` wants the API key and form fields. The same `Idempotency-Key` with the same fields returns
the first answer, and with others an error. Its page has a link that pays: the provider then tells the web hook twice,
by two events, and leads the browser to `success_url`.
"""

import hashlib
import hmac
import http.client
import json
import time
from urllib.parse import urlsplit

from tests.tools.headend.loopback_server import LoopbackServer, QuietHandler

API_KEY = "sk_test_of_tests"
SECRET = "whsec_of_tests"


class CheckoutServer(LoopbackServer):
    """The provider for a `with` block. `hook` is the address that it tells payments to."""

    def __init__(self):
        self.hook = ""
        self.sessions = {}
        self.keys = {}
        self.told = []

    def handler_class(self):
        provider = self

        class Handler(QuietHandler):
            def do_POST(self):
                status, answer = provider.create(
                    self.headers.get("Authorization"), self.headers.get("Idempotency-Key"), self.form()
                )
                self._answer(status, json.dumps(answer), "application/json")

            def do_GET(self):
                path = urlsplit(self.path).path.split("/")
                session = provider.sessions.get(path[-1])
                if session is None:
                    self._answer(404, "", "text/plain")
                elif path[1] == "c":
                    self._answer(200, f'<a href="/done/{path[-1]}">Pay now</a>', "text/html")
                else:
                    provider.pay(path[-1])
                    self.send_response(303)
                    self.send_header("Location", session["success_url"])
                    self.end_headers()

            def _answer(self, status, text, kind):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

        return Handler

    def create(self, authorization, key, fields):
        """Return status and answer of a new session, or of the one of the same key."""
        if authorization != f"Bearer {API_KEY}":
            return 401, {"error": {"type": "invalid_request_error"}}
        if key in self.keys:
            name, before = self.keys[key]
            return (200, self._shown(name)) if before == fields else (400, {"error": {"type": "idempotency_error"}})
        name = f"cs_test_{len(self.sessions) + 1}"
        self.sessions[name] = fields
        self.keys[key] = (name, fields)
        return 200, self._shown(name)

    def _shown(self, name):
        return {"id": name, "object": "checkout.session", "url": f"{self.url}/c/{name}"}

    def pay(self, name):
        """Tell the web hook that a session is paid: by both events, the first one twice."""
        fields = self.sessions[name]
        line = "line_items[0][price_data]"
        amount, currency = int(fields[f"{line}[unit_amount]"]), fields[f"{line}[currency]"]
        intent = {
            "id": name.replace("cs", "pi"),
            "amount_received": amount,
            "currency": currency,
            "metadata": _metadata(fields, "payment_intent_data[metadata]"),
        }
        session = {
            "id": name,
            "payment_intent": intent["id"],
            "payment_status": "paid",
            "amount_total": amount,
            "currency": currency,
            "client_reference_id": fields["client_reference_id"],
            "metadata": _metadata(fields, "metadata"),
        }
        for kind, content in (
            ("payment_intent.succeeded", intent),
            ("checkout.session.completed", session),
            ("payment_intent.succeeded", intent),
        ):
            self.tell(kind, content)

    def tell(self, kind, content):
        """Send an event to the web hook, signed."""
        now_s = int(time.time())
        body = json.dumps({"id": "evt", "type": kind, "created": now_s, "data": {"object": content}}).encode()
        digest = hmac.new(SECRET.encode(), b"%d." % now_s + body, hashlib.sha256).hexdigest()
        where = urlsplit(self.hook)
        link = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        link.request("POST", where.path, body, {"Stripe-Signature": f"t={now_s},v1={digest}"})
        self.told.append(link.getresponse().status)
        link.close()


def _metadata(fields, begin):
    """Return the metadata that form fields with a beginning have."""
    return {name[len(begin) + 1 : -1]: value for name, value in fields.items() if name.startswith(f"{begin}[")}
