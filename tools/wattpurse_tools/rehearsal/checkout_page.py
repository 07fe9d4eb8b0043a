"""A recharge by page: a customer at the tenant's page of the office, and the provider's checkout behind it.

The provider serves sessions in the form of Stripe's API on this computer (see `headend.providers.checkout`). A customer
opens the page, gives an amount, follows the link to the provider and pays there. The page then shows the digits.
"""

import html
import http.cookiejar
import json
import re
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode

API_KEY = "sk_of_a_rehearsal"

_WAIT_S = 60
_LINE = "line_items[0][price_data]"
_HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|attempt)" value="([^"]*)"')
_LINK = re.compile(r'class="button" href="([^"]*)"')
_DIGITS = re.compile(r'class="digits"[^>]*>([^<]*)<')


class Checkout:
    """The provider's checkout, for a `with` block. `sessions` are the fields of each session by its name."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, str]] = {}
        self._keys: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Serve in a thread until `close`."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the service."""
        self._server.shutdown()
        self._server.server_close()

    def create(self, authorization: str | None, key: str, fields: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Return status and answer of a new session, or of the one with the same key."""
        if authorization != f"Bearer {API_KEY}":
            return 401, {}
        name = self._keys.setdefault(key, f"cs_{len(self._keys):06}")
        self.sessions[name] = fields
        return 200, {"id": name, "url": f"{self.url}/c/{name}"}

    def ordered(self, link: str) -> tuple[dict[str, str], int]:
        """Return the metadata and the amount in cents of the session behind a link."""
        fields = self.sessions[link.rpartition("/")[2]]
        metadata = {name: fields[f"payment_intent_data[metadata][{name}]"] for name in ("meter", "attempt")}
        return metadata, int(fields[f"{_LINE}[unit_amount]"])


def _handler_of(checkout: Checkout) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """The API of the checkout."""

        def log_message(self, *_words: object) -> None:
            """Print nothing."""

        def do_POST(self) -> None:
            """Make a session."""
            fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, answer = checkout.create(
                self.headers.get("Authorization"),
                self.headers.get("Idempotency-Key", ""),
                {name: values[0] for name, values in fields.items()},
            )
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

    return Handler


class Browser:
    """A customer's browser at the tenant's page behind `code`, of the office whose pages are at `port`."""

    def __init__(self, port: int, code: str) -> None:
        self._address = f"http://127.0.0.1:{port}/t/{code}"
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self.attempt = ""

    def link_to_pay(self, units: int) -> str:
        """Fill the form of a recharge in, and return the link to the provider. Raise ValueError if there is none."""
        hidden = dict(_HIDDEN.findall(self._get("/pay")))
        self.attempt = hidden["attempt"]
        page = self._get("/pay", urlencode({**hidden, "amount": str(units)}).encode())
        found = _LINK.search(page)
        if found is None:
            raise ValueError("the page of the recharge has no link to the provider")
        return html.unescape(found[1])

    def digits(self) -> str:
        """Return the digits that the page shows after the payment, or "" as long as it shows none."""
        found = _DIGITS.search(self._get(f"/paid/{self.attempt}"))
        return "" if found is None else re.sub(r"\D", "", found[1])

    def _get(self, path: str, body: bytes | None = None) -> str:
        with self._opener.open(self._address + path, body, _WAIT_S) as answer:
            return answer.read().decode()
