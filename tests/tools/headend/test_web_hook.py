"""The web hook against a real HTTPS server at loopback; the signature against the package of Standard Webhooks."""

import ipaddress
import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from tests.tools.headend.mail_server import free_port
from tests.tools.headend.trickling_server import TricklingServer
from wattpurse_tools.headend import web_hook
from wattpurse_tools.headend.delivery import LATER
from wattpurse_tools.headend.outbox import FAILED, SENT, UNKNOWN
from wattpurse_tools.headend.web_hook import HookRules, WebHook
from wattpurse_tools.record.models import Message

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBob29rcw=="
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def make_certificate(folder, name="localhost"):
    """Return the files of a certificate that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    return files


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate):
    """Return a server with `got` requests, which answers with `status`, or not at all if it is None."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, dict(self.headers), body))
            if self.server.status is None:
                return
            self.send_response(self.server.status)
            self.send_header("Location", "https://127.0.0.1/other")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.handle_error = lambda *_: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    made.got, made.status = [], 204
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(timeout=10)


def hook(certificate, permitted=LOOPBACK, **further):
    return WebHook(web_hook.secret_of(SECRET), HookRules(permitted, str(certificate[0]), timeout_s=10, **further))


def message(server, path="/hook?a=1", host="localhost"):
    port = server if isinstance(server, int) else server.server_port
    body = json.dumps({"text": "crédit"}, ensure_ascii=False)
    return Message(key="low:1:hook", channel="hook", address=f"https://{host}:{port}{path}", text=body)


def now_s():
    return int(datetime.now(UTC).timestamp())


def test_a_message_is_signed_so_that_the_standard_package_accepts_it(server, certificate):
    assert hook(certificate).send(message(server), now_s()).state == SENT
    ((path, headers, body),) = server.got
    assert path == "/hook?a=1"
    headers = {name.lower(): value for name, value in headers.items()}
    assert Webhook(SECRET).verify(body, headers) == {"text": "crédit"}
    assert headers["idempotency-key"] == headers["webhook-id"] == web_hook.hook_id("low:1:hook")
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(body + b" ", headers)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, SENT),
        (302, FAILED),
        (307, FAILED),
        (404, FAILED),
        (429, LATER),
        (503, LATER),
        (500, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_the_status_tells_the_outcome_and_nothing_is_followed(server, certificate, status, state):
    server.status = status
    assert hook(certificate).send(message(server), now_s()).state == state
    assert len(server.got) == 1


def test_a_server_that_is_not_there_may_be_tried_again(certificate):
    assert hook(certificate).send(message(free_port()), now_s()).state == LATER


def test_a_certificate_of_nobody_known_gets_no_message(server, tmp_path):
    other = make_certificate(tmp_path)
    assert hook(other).send(message(server), now_s()).state == LATER
    assert server.got == []


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\n"])
def test_an_answer_byte_by_byte_is_cut_at_the_deadline(certificate, begin):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with TricklingServer((b"",), begin, b"a", context) as server:
        start_s = time.monotonic()
        outcome = hook(certificate, deadline_s=0.5).send(message(server.port), now_s())
        assert 0.4 < time.monotonic() - start_s < 4
    assert (outcome.state, outcome.stops_channel) == (UNKNOWN, True)
    assert "cut after 0.5 s" in outcome.trouble


def test_a_beginning_of_tls_byte_by_byte_is_cut_too_and_may_be_tried_again(certificate):
    with TricklingServer((b"",), b"\x16\x03\x03\x40\x00", b"\x02") as server:
        start_s = time.monotonic()
        outcome = hook(certificate, deadline_s=0.5).send(message(server.port), now_s())
        assert 0.4 < time.monotonic() - start_s < 4
    assert (outcome.state, outcome.stops_channel) == (LATER, True)
    assert "cut after 0.5 s" in outcome.trouble


def test_a_lost_file_of_authorities_lets_a_message_be_sent_again(server, certificate, tmp_path):
    rules = HookRules(LOOPBACK, str(tmp_path / "gone.pem"))
    assert WebHook(web_hook.secret_of(SECRET), rules).send(message(server), now_s()).state == LATER


def test_loopback_is_refused_unless_it_is_permitted(server, certificate):
    for host in ("localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
        assert hook(certificate, ()).send(message(server, host=host), now_s()).state == FAILED
    assert server.got == []


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
        *("2002:a00:1::1", "2001:0:1:2:3:4:f5ff:fffe"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    assert not web_hook.is_permitted(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_permitted(address):
    assert web_hook.is_permitted(ipaddress.ip_address(address), ())


def test_a_host_with_one_private_address_among_public_ones_is_refused(certificate, monkeypatch):
    found = [(0, 0, 0, "", ("8.8.8.8", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(web_hook.socket, "getaddrinfo", lambda *_, **__: found)
    assert hook(certificate, ()).send(message(443, host="mixed.example"), now_s()).state == FAILED


@pytest.mark.parametrize("url", ["http://h/", "ftp://h/", "https://u:p@h/", "https:///x", "https://h/a b", "h"])
def test_an_address_that_is_no_hook_is_refused(certificate, url):
    wrong = Message(key="k", channel="hook", address=url, text="{}")
    assert hook(certificate).send(wrong, now_s()).state == FAILED


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_###"])
def test_a_weak_secret_is_refused(text):
    with pytest.raises(ValueError, match="24 to 64"):
        web_hook.secret_of(text)
