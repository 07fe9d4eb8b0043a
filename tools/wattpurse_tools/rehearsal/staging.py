"""The scene of a rehearsal: site, meters with users at the broker, payers; and its run with the verdict."""

import os
import random
import signal
from pathlib import Path

from wattpurse.core.money import contract as contracts
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.link import FleetLink
from wattpurse_tools.headend.broker_files import BrokerFiles, user_of
from wattpurse_tools.headend.signing_on import HeadendOperator
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.trials import PRICES_MICROUNITS
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.rehearsal import site, summary
from wattpurse_tools.rehearsal.judge import Verdict, judge
from wattpurse_tools.rehearsal.payers import Payers
from wattpurse_tools.rehearsal.post import Post
from wattpurse_tools.rehearsal.story import Scene, Story
from wattpurse_tools.vault.client import VaultClient

PERMIT_S = 36 * 3_600

_DISPENSING_S = 30 * 86_400
_DISPENSED_MWH_A_DAY = 3_000_000
_VAULT_S = 60.0
_SETTLE_S = 60.0


def scene(
    folder: OfficeFolder,
    ports: tuple[int, int],
    meters: int,
    start_s: int,
    pace_s: float,
    choice: random.Random,
    post: Post,
) -> Scene:
    """Make the site in a new office that runs, and let its meters connect."""
    office = Office(folder, VaultClient(folder.socket, _VAULT_S))
    places = site.build(office, HeadendOperator(office).actor(), meters, start_s, PERMIT_S)
    for place in places:
        if place.contract == contracts.Dispenser.name:
            place.meter.begin_dispensing(start_s + _DISPENSING_S, _DISPENSED_MWH_A_DAY)
    files = BrokerFiles(folder.path.absolute())
    passwords = files.add_meters([one.number for one in places])
    broker = files.process_number()
    if broker is not None:
        os.kill(broker, signal.SIGHUP)
    address = "127.0.0.1", ports[1]
    links = [FleetLink(one.meter, address, (user_of(one.number), passwords[one.number])) for one in places]
    fleet = Fleet(links)
    if not fleet.settle(_SETTLE_S):
        raise OSError("the meters do not reach the broker")
    return Scene(office, places, fleet, Payers(folder, ports[0]), (start_s, pace_s), choice, post)


def live_and_judge(made: Scene, supervisor: int, folder: Path, days: int) -> Verdict:
    """Run the days, print a summary, and return the verdict."""
    try:
        Story(made, supervisor, folder).run(days)
    finally:
        made.payers.close()
    actor = HeadendOperator(made.office).actor()
    verdict = judge(made.office, actor, made.places, made.payers.paid, PRICES_MICROUNITS, made.payers.given_back)
    made.key_cards.judge(verdict)
    verdict.findings += made.shortage.findings + made.findings
    verdict.expect("texts that came twice", made.post.telephones.twice, [])
    verdict.expect("mails that came twice", made.post.mailbox.twice, [])
    by_way = sum(one.microunits for paid in made.ways.values() for one in paid)
    verdict.expect("payments by way", by_way, sum(one.microunits for one in made.payers.paid))
    verdict.sums["texts on telephones"] = str(len(made.post.telephones.texts))
    verdict.sums["mails in mailboxes"] = str(len(made.post.mailbox.mails))
    _print(summary.parts(made, verdict))
    return verdict


def _print(parts: dict[str, summary.Part]) -> None:
    for title, lines in parts.items():
        print(f"\n{title}")
        for name, text in lines.items():
            print(f"    {name:46} {text}")
