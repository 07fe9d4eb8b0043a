"""TLS for the link: the broker has to prove its name by a certificate, at the time of the system's clock.

The shake of hands runs inside the first write, in steps between which other tasks run.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any


class Security:
    """The certificate of the authority in DER, and the name that the broker has to prove. OSError without TLS."""

    def __init__(self, ca: bytes, host: str) -> None:
        try:
            import tls
        except ImportError:
            raise OSError("this MicroPython has no TLS; type 'mqtt ca none' for a link without it")
        self._host = host
        self._context: Any = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        self._context.verify_mode = tls.CERT_REQUIRED
        try:
            self._context.load_verify_locations(ca)
        except ValueError:
            raise OSError("the certificate of 'mqtt ca' cannot be used")

    def wrap(self, connected: "Any") -> "Any":  # noqa: ANN401 each port has sockets of its own
        """Return the encrypted stream over a connected socket."""
        return self._context.wrap_socket(connected, server_hostname=self._host, do_handshake_on_connect=False)
