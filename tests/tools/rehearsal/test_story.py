"""The short form of the story: the real processes of a head-end, a real broker, a day, and books that close."""

import re
import subprocess
import sys
from decimal import Decimal

from wattpurse_tools.places import ROOT

LIMIT_S = 400


def test_the_books_of_a_day_close():
    command = [sys.executable, "-m", "wattpurse_tools.rehearsal.main", "--meters", "25", "--days", "1"]
    done = subprocess.run(
        [*command, "--pace", "0.12"], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for text in ("come by SMS", "carried by telephone", "the broker is killed", "killed: worker, engine, payments"):
        assert text in done.stdout
    assert re.search(r"the shortage has ordered \d+ meters off, [1-9]\d* of them were lit and are off", done.stdout)
    assert re.search(r"the shortage is over: [1-9]\d* meters have supply again", done.stdout)
    assert "customers recharge at their own page, and it shows the digits" in done.stdout
    assert re.search(r"given back +7\.00 EUR", done.stdout)
    assert "The books close" in done.stdout
    assert "a forged web hook (answer 401)" in done.stdout
    assert_summary(done.stdout)


def assert_summary(text: str):
    """Check that the summary names all contracts and ways, and that its sums agree with each other."""
    for contract in ("prepaid-money", "managed", "prepaid-energy", "term", "dispenser", "account", "key-card"):
        assert re.search(rf"^    {contract} +[1-9]\d* meters, \d+ with supply at the end; \d+ receipts", text, re.M)
    paid = Decimal(re.search(r"^    paid at the provider +(\S+) EUR$", text, re.M)[1])
    counter = Decimal(re.search(r"paid at the counter, all on key cards +(\S+) EUR", text)[1])
    assert counter >= 5, "loaded in the morning, and again in the evening under a new ticket"
    ways = re.findall(r"^    (?:at|without) .* [1-9]\d* payments, (\S+) EUR$", text, re.M)
    assert len(ways) == 5
    assert sum(Decimal(amount) for amount in ways) == paid + counter
    receipts = re.findall(r"; \d+ receipts, (\S+) EUR$", text, re.M)
    credit = Decimal(re.search(r"credit at meters and accounts +(\S+) EUR", text)[1])
    assert sum(Decimal(amount) for amount in receipts) == credit + counter
    for kind in ("broker", "network", "mains"):
        assert re.search(rf"^    outages of the {kind} +1, of at most \d+ meters, the longest \d+ h", text, re.M)
    assert int(re.search(r"longest time lit without permit +(\d+) s", text)[1]) <= 2
    assert re.search(r"^    mails in mailboxes +[1-9]", text, re.M)
