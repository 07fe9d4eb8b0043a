"""The agent at a reader, over real HTTP: it reads, writes and prints for the office, and loses nothing if it fails."""

import http.client
import json
import shutil
import threading
from urllib.parse import urlsplit

import pytest

from tests.tools.office.selling_site import build_site, first_till
from tests.tools.office.till_bench import agent_at, new_card, served, token_of, tokens_on
from wattpurse_tools.desk import protocol
from wattpurse_tools.desk.agent import Agent, NotWelcome
from wattpurse_tools.desk.exchange import Desk, Exchange, exchange
from wattpurse_tools.desk.readers import FolderReader
from wattpurse_tools.record.models import Sale, Till


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Let an agent's question be answered soon, so that it ends soon."""
    monkeypatch.setattr("wattpurse_tools.desk.exchange.POLL_S", 0.2)


@pytest.fixture
def reader(tmp_path):
    """Return the folder of a reader."""
    folder = tmp_path / "till-reader"
    folder.mkdir()
    return folder


@pytest.fixture
def url(office):
    """Return the address of an office with meters and prices."""
    build_site()
    with served(office) as address:
        yield address


def desk():
    """Return the desk of the first till."""
    return exchange().desk(first_till().pk)


def test_a_sale_through_the_agent_is_on_the_real_card(office, manager, url, reader, pages, tmp_path):
    new_card(office, manager, reader, "anna", 1)
    pages.log_in("cashier")
    pages.get("/till/")
    pages.post("/till/open", {"amount": "0"})
    receipt = tmp_path / "receipt"
    with agent_at(url, token_of(manager), reader, str(receipt)):
        assert "anna" in pages.get("/till/look").content.decode()
        pages.post("/till/card", {"meter": ""})
        assert "Customer 1" in pages.get("/till/customer").content.decode()
        answer = pages.post("/till/amount", {"what": "money", "amount": "20"})
        form = {**dict(answer.context["order_fields"]), "client_key": answer.context["client_key"]}
        form |= {name: answer.context["state"][name] for name in ("card", "meter")}
        way = pages.post("/till/sell", form).headers["Location"]
        assert pages.post(way, {"do": "print"}).status_code == 302
    sale = Sale.objects.get()
    assert sale.state == "written"
    assert tokens_on(office, manager, reader, "anna") == [bytes(one.sealed) for one in sale.tokens.all()]
    assert b"20.00 EUR" in receipt.read_bytes()


def test_an_agent_that_is_lost_leaves_the_sale_owed_and_the_next_read_offers_it(office, manager, url, reader, pages):
    new_card(office, manager, reader, "anna", 1)
    pages.log_in("cashier")
    pages.get("/till/")
    pages.post("/till/open", {"amount": "0"})
    token = token_of(manager)
    with agent_at(url, token, reader) as agent:
        pages.post("/till/card", {"meter": ""})
        answer = pages.post("/till/amount", {"what": "money", "amount": "20"})
        form = {**dict(answer.context["order_fields"]), "client_key": answer.context["client_key"]}
        form |= {name: answer.context["state"][name] for name in ("card", "meter")}
        agent._reader.write = _lifted
        pages.post("/till/sell", form)
        assert Sale.objects.get().state == "sold"
    assert tokens_on(office, manager, reader, "anna") == []
    with agent_at(url, token, reader):
        pages.post("/till/card", {"meter": ""})
        assert "not on this card yet" in pages.get("/till/customer").content.decode()
        assert pages.post("/till/owed").headers["Location"] == "/till/customer"
    assert Sale.objects.get().state == "written"
    assert len(tokens_on(office, manager, reader, "anna")) == 1


def _lifted(name, was, image):
    raise OSError(f"card {name} was lifted")


def test_a_wrong_or_an_ended_token_is_refused_with_the_remedy(manager, url, reader):
    former = token_of(manager)
    token_of(manager)
    for token in ("", "wrong", former):
        with pytest.raises(NotWelcome, match="wattpurse desk token"):
            Agent(url, token, FolderReader(reader)).step()
    assert former not in Till.objects.get(number=1).reader_token_hash


def test_an_agent_of_another_release_is_refused(manager, url, reader, monkeypatch):
    token = token_of(manager)
    monkeypatch.setattr("wattpurse_tools.desk.agent.VERSION", protocol.VERSION + 1)
    with pytest.raises(NotWelcome, match="version"):
        Agent(url, token, FolderReader(reader)).step()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"version": 1, "answer": [1]}'])
def test_a_question_that_is_none_ends_nothing(manager, url, body):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("POST", protocol.ADDRESS, body, {"Authorization": f"Bearer {token_of(manager)}"})
    response = connection.getresponse()
    assert response.status in (200, 400)
    assert "error" in json.loads(response.read()) or response.status == 200


def test_the_token_is_not_sent_by_plain_http_to_another_computer(reader):
    with pytest.raises(ValueError, match="https"):
        Agent("http://office.example", "token", FolderReader(reader))


def test_two_cards_on_the_reader_are_told_and_neither_is_read(office, manager, url, reader):
    for name in ("anna", "bert"):
        new_card(office, manager, reader, name, 1)
    with agent_at(url, token_of(manager), reader):
        assert "2 cards" in desk().trouble
        with pytest.raises(OSError, match="2 cards"):
            desk().read()


def test_a_write_to_a_card_that_was_exchanged_is_refused(office, manager, reader, tmp_path):
    anna = new_card(office, manager, reader, "anna", 1)
    folder = FolderReader(reader)
    read = folder.read()
    shutil.move(anna, tmp_path / "anna.json")
    with pytest.raises(OSError, match="no card"):
        folder.write("anna", read.digest, read.image)
    new_card(office, manager, reader, "bert", 1)
    with pytest.raises(OSError, match="another card"):
        folder.write("anna", read.digest, read.image)


def test_a_write_over_a_content_that_changed_is_refused_and_a_repeated_write_is_done_once(office, manager, reader):
    new_card(office, manager, reader, "anna", 1)
    folder = FolderReader(reader)
    read = folder.read()
    changed = {**read.image, "memory": read.image["memory"][:-2] + "77"}
    folder.write("anna", read.digest, changed)
    folder.write("anna", read.digest, changed)
    with pytest.raises(OSError, match="has changed"):
        folder.write("anna", read.digest, read.image)
    assert folder.read().image == changed


def test_a_command_is_given_again_until_it_is_answered():
    one = Desk()
    one.ask({}, 0)
    answers = []
    page = threading.Thread(target=lambda: answers.append(one.command("read")))
    page.start()
    first = one.ask({}, 5)
    again = one.ask({}, 5)
    assert first == again
    one.ask({"answer": {"id": "another", "card": 1}}, 0)
    one.ask({"answer": {"id": first["id"], "card": 2}}, 0)
    page.join(10)
    assert answers == [{"id": first["id"], "card": 2}]
    assert one.ask({}, 0) is None


def test_a_desk_without_an_agent_says_how_to_start_it():
    with pytest.raises(OSError, match="wattpurse desk run"):
        Desk().read()


def test_an_agent_that_does_not_answer_is_not_waited_for_for_ever():
    one = Desk()
    one.ask({}, 0)
    with pytest.raises(OSError, match="does not answer"):
        one.command("read", timeout_s=0.05)
    assert one.ask({}, 0) is None


def test_agents_beyond_the_waiting_ones_come_again_and_hold_no_thread(monkeypatch):
    monkeypatch.setattr("wattpurse_tools.desk.exchange.WAITERS", 0)
    assert Exchange().ask(1, {})["pause_s"] > 0
