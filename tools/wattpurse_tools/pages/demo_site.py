"""A site to try everything on: its passphrase lies in its folder, and its people have the secrets that are printed."""

import secrets

from django.db import connections

from wattpurse_tools.office import demo, setting_up
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.setting_up import NewPerson, Plan
from wattpurse_tools.record import private_files
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.vault.engine import Vault


def make_demo(folder: OfficeFolder, plan: Plan) -> tuple[str, list[NewPerson]]:
    """Set a demo up and return its passphrase and its people."""
    passphrase = secrets.token_hex(16)
    people = setting_up.set_up(folder, passphrase, plan)
    private_files.create(folder.demo_passphrase, passphrase.encode())
    with Vault.open(folder.vault, passphrase) as vault:
        people = [*people, *demo.build(Office(folder, vault), people)]
    connections.close_all()
    return passphrase, people
