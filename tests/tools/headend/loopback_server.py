"""A web server on this computer for a `with` block of a test, at `url`."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that prints nothing."""

    def log_message(self, *_words):
        pass

    def form(self):
        """Return the fields of the form in the body, the first value of each."""
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        return {name: values[0] for name, values in fields.items()}


class LoopbackServer:
    """A server. `handler_class` is a method that returns its handler."""

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler_class())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_words):
        self._server.shutdown()
        self._server.server_close()
