"""Map, live chart of the load and a shortage in a real browser: seen, used by keyboard, refreshed."""

import os
import subprocess

import pytest
from django.core.cache import cache

from tests.house.places import ROOT
from tests.office_of_tests import MANAGER, PASSWORD, PINS
from tests.tools.headend.fleet_rows import make_fleet
from tests.tools.office.conftest import one_time_code
from tests.tools.office.desk_rows import now_s
from tests.tools.office.test_desk_in_browser import keep_picture
from tests.tools.office.till_bench import served
from wattpurse_tools.record.models import MeterLink, Premises, Shortage, Statement

TIMEOUT_MS = 60_000
SLOT_S = 900


@pytest.fixture(scope="module")
def browser():
    """Return Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    subprocess.run([ROOT / "tools/toolchain/debian-packages", "chromium=chromium"], check=True)
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def tell_load(until_s, count, mwh=500_000):
    """Add statements of meter 1006, a slot apart."""
    for number in range(count):
        Statement.objects.create(
            meter_id=1006,
            time_s=until_s - number * SLOT_S,
            number=count - number,
            unit="money",
            contract=1,
            balance=0,
            total_mwh=(count - number) * mwh,
        )


@pytest.fixture
def screen(office, browser):
    """Return a manager's page at a fleet of seven meters. Errors and foreign requests are in its `troubles`."""
    make_fleet(now_s())
    for number in range(1, 8):
        Premises.objects.filter(name=f"House {number}").update(
            latitude_microdegrees=-1_286_389 + number * number * 900, longitude_microdegrees=36_817_223 + number * 4000
        )
    context = browser.new_context(viewport={"width": 1000, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.troubles.append(request.url) if "127.0.0.1" not in request.url else None)
    page.clock.install()
    with served(office) as url:
        page.goto(url + "/headend/map")
        page.get_by_label("Name or number").fill("manager")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("PIN").fill(PINS[MANAGER])
        code = one_time_code("manager")
        page.get_by_role("button", name="Sign on").click()
        page.get_by_label("One-time code").fill(code)
        page.get_by_role("button", name="Sign on").click()
        page.wait_for_url("**/headend/map")
        yield page
        context.close()


def test_the_map_is_read_by_shape_used_by_keyboard_and_refreshed(screen):
    symbols = screen.locator("svg.map a")
    assert symbols.count() == 7
    colours = {one.evaluate("path => getComputedStyle(path).fill") for one in screen.locator("svg.map a path").all()}
    shapes = {one.get_attribute("d") for one in screen.locator("svg.map a path").all()}
    assert len(colours) == len(shapes) == 7  # the policy lets the style sheet in
    boxes = [one.bounding_box() for one in symbols.all()]
    assert all(box["width"] >= 8 and box["height"] >= 8 for box in boxes)
    MeterLink.objects.filter(meter=1006).update(alarms="tamper")
    screen.clock.run_for(31_000)
    screen.get_by_role("link", name="Meter 1006: alarm").first.wait_for()
    keep_picture(screen, "fleet-map")
    screen.get_by_role("link", name="Meter 1006: alarm").first.focus()
    screen.keyboard.press("Enter")
    screen.wait_for_url("**/office/meters/1006")
    assert screen.troubles == []


def test_the_chart_of_the_load_follows_new_statements(screen):
    end_s = now_s() // SLOT_S * SLOT_S
    tell_load(end_s - SLOT_S, 8)
    screen.get_by_role("link", name="Load", exact=True).click()
    screen.get_by_role("link", name="3 hours").click()  # its steps are shorter than the time between two statements
    screen.wait_for_url("**/headend/load?hours=3")
    line = screen.locator("svg.chart polyline.line")
    line.wait_for(state="attached")  # a level line has no height
    before = len(line.get_attribute("points").split())
    Statement.objects.create(
        meter_id=1006, time_s=end_s, number=9, unit="money", contract=1, balance=0, total_mwh=9 * 500_000
    )
    for key in [f"headend-load:3:{(now_s() + ahead) // 30}" for ahead in (-30, 0, 30)]:
        cache.delete(key)
    screen.clock.run_for(31_000)
    screen.wait_for_function(
        "count => document.querySelector('svg.chart polyline.line').getAttribute('points').split(' ').length > count",
        arg=before,
    )
    assert screen.locator("#load table tbody tr").first.locator("td").nth(1).inner_text() == "2\xa0kW"
    keep_picture(screen, "load")
    assert screen.troubles == []


def test_a_shortage_is_planned_and_lifted(screen):
    screen.get_by_role("link", name="Shortages").click()
    screen.get_by_label("Feeder").select_option("North")
    screen.get_by_label("Reason, which customers are told").fill("the river is low")
    screen.get_by_role("button", name="Plan").click()
    row = screen.locator("tbody tr", has_text="the river is low")
    row.wait_for()
    assert row.locator("td").first.inner_text() == "planned"
    assert Shortage.objects.get().state == "planned"
    row.get_by_role("button", name="Lift").click()
    screen.get_by_text("The shortage is lifted.").wait_for()
    assert screen.locator("tbody tr td").first.inner_text() == "lifted"
    keep_picture(screen, "shortages")
    screen.get_by_role("link", name="Fleet", exact=True).click()
    screen.get_by_role("heading", name="Fleet").wait_for()
    keep_picture(screen, "fleet")
    assert screen.troubles == []
