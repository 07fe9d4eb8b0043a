"""A till as it stands in a shop: the pages served on this computer, and the agent at its reader, in threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.db import connections
from waitress.server import create_server

from tests.tools.office.selling_site import first_till
from wattpurse_tools.desk.agent import Agent
from wattpurse_tools.desk.exchange import exchange
from wattpurse_tools.desk.readers import FolderReader
from wattpurse_tools.office.reader_tokens import new_reader_token
from wattpurse_tools.pages import office_in_use
from wattpurse_tools.station.card_files import CardFiles
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import Station


@contextmanager
def served(office):
    """Serve the pages of an office on a free port of this computer for a `with` block, and give their address."""
    office_in_use.use(office)
    exchange.cache_clear()
    server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=6)
    thread = threading.Thread(target=_run, args=(server,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        server.task_dispatcher.shutdown()
        office_in_use.use(None)


def _run(server):
    with suppress(OSError):  # its socket is closed to end it
        server.run()


@contextmanager
def agent_at(url, token, reader, printer=""):
    """Run an agent at a reader for a `with` block: a folder, or a DeskReader."""
    is_ended = threading.Event()
    desk_reader = FolderReader(reader) if isinstance(reader, (str, Path)) else reader
    agent = Agent(url, token, desk_reader, printer)
    is_connected = threading.Event()
    thread = threading.Thread(target=agent.run, args=(lambda words: is_connected.set(), is_ended.is_set), daemon=True)
    thread.start()
    assert is_connected.wait(20)
    try:
        yield agent
    finally:
        is_ended.set()
        thread.join(10)


def token_of(manager):
    """Return a new token of the first till."""
    return new_reader_token(manager, first_till())


def new_card(office, manager, folder, name, meter, kind="ntag215"):
    """Make a customer's card in a folder and return its file."""
    _apart(lambda: _shop(office, manager, folder).vending.new_customer_card(name, kind, meter))
    return Path(folder) / f"{name}.json"


def tokens_on(office, manager, folder, name):
    """Return the tokens on a card in a folder."""
    return _apart(lambda: _shop(office, manager, folder).cards.read(name).sealed_tokens())


def _shop(office, manager, folder):
    return Shop(Station(office.keys, manager), CardFiles(folder))


def _apart(step):
    """Return the result of a step in a thread of its own: a browser's loop runs in that of the test."""

    def closing():
        try:
            return step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(closing).result()
