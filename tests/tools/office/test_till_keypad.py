"""A cashier's whole shift in a real browser, from login to the Z report, with the keys of a numeric block alone."""

import os
import subprocess

import pytest

from tests.house.places import ROOT
from tests.tools.office.selling_site import EUR, build_site
from tests.tools.office.till_bench import agent_at, new_card, served, token_of, tokens_on
from wattpurse_tools.record.models import Sale, Shift, Shop, User

CASHIER_PASSWORD = "4051927386"
TIMEOUT_MS = 20_000


@pytest.fixture(scope="module")
def browser():
    """Return Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    subprocess.run([ROOT / "tools/toolchain/debian-packages", "chromium=chromium"], check=True)
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=_program(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def till(office, manager, browser, tmp_path, monkeypatch):
    """Return a browser's page at the till of an office, with a card on its reader."""
    monkeypatch.setattr("wattpurse_tools.desk.exchange.POLL_S", 0.2)
    build_site()
    user = User.objects.get(username="cashier")
    user.set_password(CASHIER_PASSWORD)
    user.save()
    reader = tmp_path / "till-reader"
    new_card(office, manager, reader, "anna", 1)
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.troubles.append(request.url) if "127.0.0.1" not in request.url else None)
    with served(office) as url, agent_at(url, token_of(manager), reader, str(tmp_path / "printed")):
        page.goto(url + "/")
        await_focus(page)
        yield page
        context.close()


def keys(page, *pressed):
    """Press keys of a numeric block. A number is typed digit by digit."""
    for one in pressed:
        if one.isdigit() or "." in one:
            page.keyboard.type(one)
        else:
            page.keyboard.press({"+": "NumpadAdd", "-": "NumpadSubtract", "*": "NumpadMultiply"}.get(one, one))


def step(page, address, *pressed):
    """Press keys and wait for the page that they lead to."""
    keys(page, *pressed)
    page.wait_for_url(address)
    await_focus(page)


def await_focus(page):
    """Wait until a page takes keys: the browser gives the first field its focus some time after the page is loaded."""
    page.wait_for_load_state("load")
    page.wait_for_function("!document.querySelector('[autofocus]') || document.activeElement !== document.body")


def log_in(page):
    """Log the cashier in, with the number of the operator."""
    step(page, "**/till/", "3", "Enter", CASHIER_PASSWORD, "Enter", "998877", "Enter")


def test_a_whole_shift_from_login_to_z_by_keypad_alone(till, office, manager, tmp_path):
    log_in(till)
    step(till, "**/till/card", "50", "Enter")
    till.get_by_text("anna").wait_for()
    step(till, "**/till/customer", "Enter")
    assert "Customer 1" in till.content()
    step(till, "**/till/amount", "Enter")
    keys(till, "20", "Enter")
    till.get_by_text("Sell this?").wait_for()
    step(till, "**/till/receipt/*", "Enter")
    sale = Sale.objects.get()
    assert (sale.state, sale.gross_microunits) == ("written", 20 * EUR)
    assert len(tokens_on(office, manager, tmp_path / "till-reader", "anna")) == 1
    keys(till, "1")
    till.get_by_text("COPY").wait_for()
    step(till, "**/till/card", "Enter")
    step(till, "**/till/menu", "*")
    step(till, "**/till/x", "2")
    step(till, "**/till/card", "Enter")
    step(till, "**/till/menu", "*")
    step(till, "**/till/count", "4")
    keys(till, "70", "Enter")
    till.get_by_text("Cash expected").wait_for()
    step(till, "**/till/z/*", "Enter")
    assert "Z report" in till.content()
    shift = Shift.objects.get()
    assert (shift.z_number, shift.expected_microunits, shift.counted_microunits) == (1, 70 * EUR, 70 * EUR)
    assert (tmp_path / "printed").stat().st_size > 200
    assert till.troubles == []


def test_a_sale_in_arabic_runs_from_right_to_left(till, tmp_path):
    User.objects.update(language="ar")
    Shop.objects.update(language="ar")
    log_in(till)
    assert till.locator("html").get_attribute("dir") == "rtl"
    assert till.locator("h1").inner_text() == "فتح وردية"
    step(till, "**/till/card", "50", "Enter")
    step(till, "**/till/customer", "Enter")
    step(till, "**/till/amount", "Enter")
    keys(till, "20", "Enter")
    till.get_by_text("هل يُباع هذا؟").wait_for()
    step(till, "**/till/receipt/*", "Enter")
    heading = till.locator(".slip p.title").last.bounding_box()
    slip = till.locator(".slip").bounding_box()
    assert till.locator(".slip").get_attribute("dir") == "rtl"
    assert "إيصال" in till.locator(".slip").inner_text()
    assert heading["x"] + heading["width"] > slip["x"] + slip["width"] - 40
    assert till.troubles == []


def _program():
    """Return Chromium's file."""
    return next(path for path in ("/usr/bin/chromium", "/snap/bin/chromium") if os.path.exists(path))
