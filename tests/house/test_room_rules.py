"""Every file of the firmware, the boards and the tools keeps the rules between rooms, and each breach is found."""

import pytest

from tests.house.places import FIRMWARE_FILES, ROOT, TOOL_FILES
from tests.house.room_rules import violations


@pytest.mark.parametrize("file", [*FIRMWARE_FILES, *TOOL_FILES], ids=lambda file: file.relative_to(ROOT).as_posix())
def test_file_keeps_the_rules(file):
    assert violations(ROOT, file) == []


def check(root, path, source):
    """Return the breaches of a file at `path` with this source."""
    file = root / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    return violations(root, file)


TYPES = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n"

BREACHES = [
    ("firmware/wattpurse/core/money/ledger.py", "import asyncio"),
    ("firmware/wattpurse/core/money/ledger.py", "from wattpurse import cards"),
    ("firmware/wattpurse/core/money/ledger.py", "def load():\n    import os"),
    ("firmware/wattpurse/core/money/ledger.py", "from wattpurse.core2 import tariff"),
    ("firmware/wattpurse/core/money/ledger.py", "from . import tariff"),
    ("firmware/wattpurse/cards/mfrc522.py", "from wattpurse.services import teller"),
    ("firmware/wattpurse/drivers/button.py", "import wattpurse.app"),
    ("firmware/wattpurse/drivers/button.py", "from wattpurse import app"),
    ("firmware/wattpurse/drivers/button.py", "from machine import Pin"),
    ("firmware/wattpurse/services/metering.py", "import machine"),
    ("firmware/wattpurse/services/metering.py", "import esp32"),
    ("firmware/wattpurse/app.py", "from boards.host import clock"),
    ("firmware/main.py", "import machine"),
    ("firmware/wattpurse/app.py", "print('hello')"),
    ("firmware/wattpurse/app.py", "METER = Meter()"),
    ("firmware/wattpurse/app.py", "TABLE = [crc(i) for i in range(256)]"),
    ("firmware/wattpurse/app.py", "class Meter:\n    ledger = open('ledger')"),
    ("firmware/wattpurse/app.py", "def run(clock=Clock()):\n    pass"),
    ("firmware/wattpurse/app.py", "@register('meter')\ndef run():\n    pass"),
    ("firmware/wattpurse/app.py", "for i in range(3):\n    pass"),
    ("firmware/wattpurse/app.py", "try:\n    import network\nexcept OSError:\n    network = None"),
    ("firmware/wattpurse/app.py", "try:\n    start()\nexcept ImportError:\n    pass"),
    ("boards/pico/board.py", "LED = Pin(25)"),
    ("firmware/wattpurse/core/tariffs/tariff.py", "from wattpurse.core.seals import cmac"),
    ("firmware/wattpurse/core/seals/keys.py", "from wattpurse.core.journal.varint import encode"),
    ("firmware/wattpurse/core/journal/ring.py", "from wattpurse.core.money import ledger"),
    ("firmware/wattpurse/core/money/ledger.py", "def load():\n    from wattpurse.core.guards.tamper import MAGNET"),
    ("firmware/wattpurse/core/money/ledger.py", "import wattpurse.core.records.events"),
    ("firmware/wattpurse/core/guards/power.py", "from wattpurse.core.messages import token"),
    ("firmware/wattpurse/core/messages/statement_sections.py", "from wattpurse.core.records.load_profile import X"),
    ("firmware/wattpurse/core/text.py", "from wattpurse.core.money import terms"),
    ("firmware/wattpurse/core/attic.py", "import struct"),
    ("firmware/wattpurse/core/money/ledger.py", "from wattpurse.core.attic import trunk"),
    ("firmware/wattpurse/core/money/ledger.py", TYPES + "    from wattpurse.core.guards.tamper import Tamper"),
    ("firmware/wattpurse/core/money/ledger.py", TYPES + "    from wattpurse.stores import Stores"),
    ("firmware/wattpurse/core/money/ledger.py", TYPES + "    from . import account"),
    ("firmware/wattpurse/core/money/ledger.py", "from wattpurse.hal import Clock"),
    ("firmware/wattpurse/drivers/button.py", TYPES + "    from wattpurse.services.teller import Teller"),
    ("tools/wattpurse_tools/station/order.py", "from . import station"),
    ("tools/wattpurse_tools/tariffs/bill.py", "from wattpurse_tools.meter_link.line import MeterLine"),
    ("tools/wattpurse_tools/emulation/meter.py", "from wattpurse_tools.bench.loop import idle"),
    ("tools/wattpurse_tools/station/station.py", "from wattpurse_tools.commands.desk_options import open_station"),
    ("tools/wattpurse_tools/station/station.py", "from wattpurse_tools.bench import meter"),
    ("tools/wattpurse_tools/station/station.py", "if TYPE_CHECKING:\n    from wattpurse_tools import commands"),
    ("tools/wattpurse_tools/commands/card.py", "from wattpurse_tools.cli import main"),
    ("tools/wattpurse_tools/bench/figures.py", "def run():\n    from wattpurse_tools.commands import bench"),
    ("tools/wattpurse_tools/places.py", "from wattpurse_tools.deploy import files"),
    ("tools/wattpurse_tools/attic.py", "import os"),
]


@pytest.mark.parametrize(("path", "source"), BREACHES)
def test_breach_is_found(tmp_path, path, source):
    assert len(check(tmp_path, path, source)) == 1


CORRECT = [
    ("firmware/wattpurse/core/money/ledger.py", "import struct\n\nfrom wattpurse.core.tariffs import tariff"),
    ("firmware/wattpurse/core/money/ledger.py", "from binascii import crc32\n\nfrom wattpurse.core.seals import cmac"),
    ("firmware/wattpurse/app.py", '"""The meter."""\nimport struct\nSIZE = struct.calcsize("<I") + 4 * len("ab")'),
    ("firmware/wattpurse/app.py", "RATES: tuple = (1, -2, {'a': bytes(4)})\nLAST = RATES[-1]"),
    ("firmware/wattpurse/app.py", "TERMS = ('a', 'b')\nPLACES = {term: place for place, term in enumerate(TERMS)}"),
    ("boards/pico/board.py", "class Meter:\n    LOW = 1 << 3\n    @property\n    def x(self, n=3):\n        go()"),
    ("firmware/main.py", "from boards import pico\n\nif __name__ == '__main__':\n    run(pico)"),
    ("boards/pico/board.py", "from machine import Pin"),
    ("boards/pico/image/modules/_boot.py", "import vfs\n\nvfs.mount(volume(), '/')"),
    ("boards/host/chips/aes.py", "try:\n    from cryptolib import aes\nexcept ImportError:\n    aes = None"),
    ("firmware/wattpurse/services/teller.py", "import asyncio\n\nfrom wattpurse.cards import purse"),
    ("firmware/wattpurse/core/money/account.py", "from wattpurse.core.money.registers import Registers"),
    ("firmware/wattpurse/core/money/account.py", "from wattpurse.core.tariffs.tariff import Tariff"),
    ("firmware/wattpurse/core/guards/tamper.py", "from wattpurse.core.money.terms import TAMPER_OPENS"),
    ("firmware/wattpurse/core/messages/token.py", "from wattpurse.core.guards import tamper"),
    ("firmware/wattpurse/core/records/events.py", "from wattpurse.core.messages import token"),
    ("firmware/wattpurse/core/tariffs/tariff.py", "from wattpurse.core import currency"),
    ("firmware/wattpurse/core/text.py", "from wattpurse.core.tariffs.calendar import DAY_S"),
    ("firmware/wattpurse/core/text.py", "from wattpurse.core.currency import Currency"),
    ("firmware/wattpurse/core/money/ledger.py", TYPES + "    from wattpurse.core.journal.ring import Ring"),
    ("firmware/wattpurse/core/money/ledger.py", TYPES + "    from wattpurse.hal import Clock, Flash"),
    ("firmware/wattpurse/core/money/ledger.py", TYPES + "    from collections.abc import Callable"),
    ("firmware/wattpurse/services/teller.py", TYPES + "    from typing import Protocol"),
    ("tools/wattpurse_tools/__init__.py", "import sys"),
    ("tools/wattpurse_tools/tariffs/bill.py", "from wattpurse.core.tariffs import tariff"),
    ("tools/wattpurse_tools/station/station.py", "import sqlite3\n\nfrom wattpurse_tools.tariffs.file import load"),
    ("tools/wattpurse_tools/station/order.py", "from wattpurse_tools.station.amounts import parse_credit"),
    ("tools/wattpurse_tools/bench/meter.py", "from wattpurse_tools.emulation.meter import EmulatedMeter"),
    ("tools/wattpurse_tools/commands/card.py", "from wattpurse_tools.commands.card_settling import settle"),
    ("tools/wattpurse_tools/deploy/image.py", "from wattpurse_tools.places import ROOT\n\nIMAGE = find(ROOT)"),
    ("tools/wattpurse_tools/cli.py", "from wattpurse_tools import __version__"),
    ("tools/wattpurse_tools/cli.py", "from wattpurse_tools.commands import card, station"),
]


@pytest.mark.parametrize(("path", "source"), CORRECT)
def test_correct_file_passes(tmp_path, path, source):
    assert check(tmp_path, path, source) == []
