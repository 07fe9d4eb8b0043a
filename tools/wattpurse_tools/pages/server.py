"""The program that serves the pages: waitress with Django, one process with some threads.

`supervisor` starts it and hands over the listening socket, so that an address stays the same when it is started again.
"""

import argparse
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.vault.client import VaultClient

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIHandler

THREADS = 16

_PROXY_HEADERS = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
_LOOPBACK = "127.0.0.1"
_BODY_SIZE = 16 << 20
_IDENT = "wattpurse"


def application(folder: OfficeFolder, public_url: str | None) -> "WSGIHandler":
    """Return the pages of an office as a WSGI application. Raise ValueError if record and vault do not fit."""
    office_folder.configure(folder, **page_settings(public_url))
    office_folder.open_record(folder)
    from django.core.wsgi import get_wsgi_application

    from wattpurse_tools.office.office import Office
    from wattpurse_tools.pages import office_in_use
    from wattpurse_tools.pages.office_checks import refuse_unfit

    office = Office(folder, VaultClient(folder.socket))
    refuse_unfit(office)
    office_in_use.use(office)
    return get_wsgi_application()


def main(words: list[str]) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m wattpurse_tools.pages.server")
    parser.add_argument("--office", required=True)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--public-url")
    arguments = parser.parse_args(words)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pages = application(OfficeFolder(arguments.office), arguments.public_url)
    except (ValueError, OSError) as error:
        print(f"wattpurse: {error}", file=sys.stderr)
        return 1
    import waitress

    waitress.serve(
        pages,
        sockets=[socket.socket(fileno=arguments.socket_fd)],
        threads=THREADS,
        ident=_IDENT,
        max_request_body_size=_BODY_SIZE,
        clear_untrusted_proxy_headers=True,
        _quiet=True,
        **_proxy(arguments.public_url),
    )
    return 0


def _proxy(public_url: str | None) -> dict[str, Any]:
    """Return the proxy that is believed: one on this computer, if the pages have a public address."""
    if public_url is None:
        return {}
    return {"trusted_proxy": _LOOPBACK, "trusted_proxy_headers": _PROXY_HEADERS, "trusted_proxy_count": 1}


def _stop(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
