"""Pictures of the cashier's pages for the documents, from the demo: `make screenshots`."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import office_of_tests

office_of_tests.configure()

from tests.tools.office.till_bench import agent_at, served, token_of  # noqa: E402
from wattpurse_tools.office import demo, setting_up, trials  # noqa: E402
from wattpurse_tools.office.actor import Actor  # noqa: E402
from wattpurse_tools.office.office import Office  # noqa: E402
from wattpurse_tools.record.models import User  # noqa: E402
from wattpurse_tools.record.office_folder import OfficeFolder, open_record  # noqa: E402

SIZE = {"width": 900, "height": 720}
PICTURES = office_of_tests.ROOT / "docs/office"
CASHIER = "karim"


def main() -> int:
    """Make the demo in a folder of its own, go through a sale in two languages, and write the pictures."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    subprocess.run([office_of_tests.ROOT / "tools/toolchain/debian-packages", "chromium=chromium"], check=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = OfficeFolder(Path(name) / "office")
        plan = setting_up.Plan(name="Marina", managers=("manager", "second"))
        passphrase, managers = trials.set_up_trial(folder, plan)
        open_record(folder)
        with trials.trial_vault(folder, passphrase) as vault:
            office = Office(folder, vault)
            people = {one.username: one for one in [*managers, *demo.build(office, managers)]}
            _take_pictures(office, people, Path(name) / "till-reader")
    return 0


def _take_pictures(office, people, reader):
    from playwright.sync_api import sync_playwright

    session = office.keys.sign_on(people["manager"].operator, people["manager"].pin)
    manager = Actor.of(session)
    reader.mkdir()
    shutil.move(str(office.folder.cards / f"{demo.CARDS[0][0]}.json"), reader)
    with served(office) as url, agent_at(url, token_of(manager), reader), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language, ending in (("en", ""), ("ar", "-ar")):
            User.objects.filter(username=CASHIER).update(language=language)
            page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
            page.goto(url + "/")
            _sell(page, people[CASHIER], ending)
        browser.close()


def _sell(page, cashier, ending):
    """Log in, sell to the card on the reader, and take a picture of each page."""

    def take(name, *pressed):
        for one in pressed:
            page.keyboard.press(one) if one == "Enter" else page.keyboard.type(one)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / f"till-{name}{ending}.png", full_page=False)

    fields = page.locator("form input:not([type=hidden])")
    for number, words in enumerate((cashier.username, cashier.password, cashier.pin)):
        fields.nth(number).fill(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/**")
    if page.locator("[data-key='1']").count():
        page.keyboard.press("1")
        page.wait_for_load_state("networkidle")
    if page.locator("#amount").count():
        take("open")
        page.keyboard.type("50")
        page.keyboard.press("Enter")
        page.wait_for_url("**/till/card")
    take("card")
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/customer")
    take("customer")
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/amount")
    page.keyboard.type("20")
    take("amount")
    page.keyboard.press("Enter")
    page.locator("[name=client_key]").wait_for(state="attached")
    take("price")
    page.keyboard.press("Enter")
    page.locator(".slip, [role=alert]").first.wait_for()
    if page.locator("[role=alert]").count():
        raise ValueError(page.locator("[role=alert]").first.inner_text())
    take("receipt")


if __name__ == "__main__":
    sys.exit(main())
