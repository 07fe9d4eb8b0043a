"""Messages to a web hook: POST of JSON by HTTPS, signed as Standard Webhooks says (specification v1).

The signature is HMAC-SHA256 over id, time and body. The receiver drops an id that it knows. The name of the host is
looked up once, each of its addresses is judged, and the connection goes to a judged one: loopback, private and other
special addresses are refused unless a setting permits their network. No redirect is followed.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from wattpurse_tools.headend.deadlines import Deadline
from wattpurse_tools.headend.delivery import LATER, Outcome
from wattpurse_tools.headend.outbox import FAILED, SENT, UNKNOWN
from wattpurse_tools.record.models import Message

SECRET_PREFIX = "whsec_"

_PORT = 443
_BUSY = (429, 503)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Networks of IPv6 that carry an address of IPv4, which is judged instead (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class HookRules:
    """The rules of a web hook. `permitted` are networks whose addresses may be special.

    The receiver has `timeout_s` for each answer, and `deadline_s` for a whole message.
    """

    permitted: Sequence[Network] = ()
    ca_file: str = ""
    timeout_s: int = 15
    deadline_s: float = 120


class WebHook:
    """The transport of the web hook. `secret` signs the messages."""

    def __init__(self, secret: bytes, rules: HookRules) -> None:
        self._secret = secret
        self._rules = rules

    def send(self, message: Message, now_s: int) -> Outcome:
        """Send a message once."""
        try:
            host, port, path = _place(message.address)
        except ValueError as error:
            return Outcome(FAILED, str(error))
        try:
            addresses = _looked_up(host, port)
        except (OSError, UnicodeError) as error:
            return Outcome(LATER, f"{host}: {error}", stops_channel=True)
        judged = [one for one in addresses if is_permitted(one, self._rules.permitted)]
        if len(judged) < len(addresses) or not judged:
            return Outcome(FAILED, f"{host}: has an address that is not public; permit its network in headend.toml")
        return self._post((host, port, str(judged[0])), path, message, now_s)

    def _post(self, place: tuple[str, int, str], path: str, message: Message, now_s: int) -> Outcome:
        body = message.text.encode()
        is_asked = False
        try:
            with (
                Deadline(self._rules.deadline_s) as deadline,
                contextlib.closing(_Connection(*place, self._rules, deadline)) as connection,
            ):
                connection.connect()
                is_asked = True
                connection.request("POST", path, body, self._headers(message.key, body, now_s))
                status = connection.getresponse().status
                deadline.check()
                return _outcome(status)
        except Exception as error:  # whatever it is: the request is out or it is not
            told = f"{place[0]}: {type(error).__name__}: {error}"
            return Outcome(UNKNOWN if is_asked else LATER, told, stops_channel=True)

    def _headers(self, key: str, body: bytes, now_s: int) -> dict[str, str]:
        identity = hook_id(key)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "wattpurse",
            "Idempotency-Key": identity,
            "webhook-id": identity,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signature(self._secret, identity, now_s, body),
        }


def hook_id(key: str) -> str:
    """Return the id of a message: the same for the same key."""
    return "msg_" + hashlib.sha256(key.encode()).hexdigest()[:32]


def signature(secret: bytes, identity: str, now_s: int, body: bytes) -> str:
    """Return the signature of a message."""
    signed = hmac.new(secret, f"{identity}.{now_s}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


def secret_of(text: str) -> bytes:
    """Return the secret of a text such as whsec_ and 24 to 64 bytes in base64. Raise ValueError for another text."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(SECRET_PREFIX) or not 24 <= len(secret) <= 64:
        raise ValueError(f"write {SECRET_PREFIX} and 24 to 64 random bytes in base64")
    return secret


def is_permitted(address: IpAddress, permitted: Sequence[Network]) -> bool:
    """Return True for a public address, and for one of the permitted networks."""
    inner = _inner(address)
    if any(inner in network for network in permitted if network.version == inner.version):
        return True
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inner(address: IpAddress) -> IpAddress:
    """Return the address of IPv4 that one of IPv6 carries, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _place(url: str) -> tuple[str, int, str]:
    """Return host, port and path of an address. Raise ValueError for one that no hook may have."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError(f"{url}: write https://HOST/PATH")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"{url}: has a character that no address has")
    return parts.hostname, parts.port or _PORT, path


def _looked_up(host: str, port: int) -> list[IpAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


class _Connection(http.client.HTTPSConnection):
    """A connection to an address that was judged, by TLS with the host's name. A deadline cuts it."""

    def __init__(self, host: str, port: int, address: str, rules: HookRules, deadline: Deadline) -> None:
        self._judged = address
        self._deadline = deadline
        self._tls = ssl.create_default_context(cafile=rules.ca_file or None)
        super().__init__(host, port, timeout=rules.timeout_s, context=self._tls)

    def connect(self) -> None:
        """Connect to the judged address."""
        plain = socket.create_connection((self._judged, self.port), self.timeout)
        self._deadline.watch(plain)
        self.sock = plain
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _outcome(status: int) -> Outcome:
    """Return the outcome of a status. A failure of the server may have come after it took the message."""
    if 200 <= status < 300:
        return Outcome(SENT)
    if status in _BUSY:
        return Outcome(LATER, f"the web hook answered {status}", stops_channel=True)
    return Outcome(UNKNOWN if status >= 500 else FAILED, f"the web hook answered {status}")
