"""A tenant's page and a manager's month in a real browser: seen, read, clicked, and with no request to anybody else."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.house.places import ROOT
from tests.office_of_tests import MANAGER, PASSWORD, PINS
from tests.tools.office.conftest import one_time_code
from tests.tools.office.desk_rows import DAY_S, MILLION, add_sale, make_street, now_s, this_month
from tests.tools.office.till_bench import served
from wattpurse_tools.office.site_days import month_text
from wattpurse_tools.record.models import Meter, Tenancy, Token

CODE = "abcdefghjkmnpqrstuvwxyz2"
TIMEOUT_MS = 20_000


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


@pytest.fixture
def screen(office, browser):
    """Return a browser's page at an office with a year of sales. Errors and foreign requests are in its `troubles`."""
    make_street(4, months=12)
    for month in range(this_month() - 11, this_month() + 1):
        for meter in range(1001, 1005):
            add_sale(meter, month, (10 + meter % 7) * MILLION, day=1)
    Tenancy.objects.filter(meter_number=1001).update(page_code=CODE)
    Meter.objects.update(balance=12_340_000, told_s=now_s() - DAY_S, days_left=9)
    Token.objects.filter(meter_id=1001).update(
        digits="12345678901234567890", tenancy=Tenancy.objects.get(page_code=CODE)
    )
    context = browser.new_context(viewport={"width": 900, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.troubles.append(request.url) if "127.0.0.1" not in request.url else None)
    with served(office) as url:
        page.goto(url + "/")
        yield page
        context.close()


def keep_picture(page, name):
    """Keep a picture of the page if WATTPURSE_PICTURES names a folder."""
    folder = os.environ.get("WATTPURSE_PICTURES")
    path = Path(folder or tempfile.gettempdir()) / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    if not folder:
        path.unlink()


def test_a_tenant_types_the_code_and_sees_balance_use_and_digits(screen):
    screen.goto(screen.url.partition("/login")[0] + "/t/")
    screen.get_by_label("The code on your receipt").fill("abcd-efgh-jkmn-pqrs-tuvw-xyz2")
    screen.get_by_role("button", name="Show").click()
    screen.wait_for_url(f"**/t/{CODE}")
    assert "12.34" in screen.locator("li", has_text="Balance as last told").inner_text()
    chart = screen.locator("svg.chart")
    assert chart.get_attribute("role") == "img"
    bars = chart.locator("rect.bar[height]").all()
    heights = [float(bar.get_attribute("height")) for bar in bars]
    assert sum(height > 50 for height in heights) == 12  # twelve months of the same use
    colour = bars[0].evaluate("bar => getComputedStyle(bar).fill")
    assert colour == "rgb(21, 128, 61)"  # the policy lets the style sheet in
    assert screen.get_by_text("1234 5678 9012 3456 7890").first.is_visible()
    keep_picture(screen, "tenant")
    assert screen.troubles == []


def test_a_manager_reads_a_month_and_downloads_its_workbook(screen, tmp_path):
    screen.get_by_label("Name or number").fill("manager")
    screen.get_by_label("Password").fill(PASSWORD)
    screen.get_by_label("PIN").fill(PINS[MANAGER])
    code = one_time_code("manager")
    screen.get_by_role("button", name="Sign on").click()
    screen.get_by_label("One-time code").fill(code)
    screen.get_by_role("button", name="Sign on").click()
    screen.wait_for_load_state("load")
    screen.get_by_role("link", name="Reports").click()
    assert screen.locator("svg.chart").count() == 2
    screen.get_by_role("link", name=month_text(this_month() - 1)).click()
    screen.wait_for_url(f"**/manager/month?month={month_text(this_month() - 1)}")
    losses = screen.locator("h2:has-text('Losses') + div table")
    assert "40.000" in losses.inner_text()  # 440 kWh fed, 400 used
    with screen.expect_download() as started:
        screen.get_by_role("link", name="All reports of this month as XLSX").click()
    started.value.save_as(tmp_path / "month.xlsx")
    assert (tmp_path / "month.xlsx").read_bytes().startswith(b"PK")
    screen.get_by_role("link", name="Unlike purchases").click()
    screen.get_by_text("less than a third").wait_for()
    screen.get_by_role("link", name="Month", exact=True).click()
    keep_picture(screen, "month")
    assert screen.troubles == []
