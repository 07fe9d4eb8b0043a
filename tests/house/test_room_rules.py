"""Every file of the firmware and the boards keeps the rules between rooms, and each rule catches its breach."""

import pytest

from tests.house.places import FIRMWARE_FILES, ROOT
from tests.house.room_rules import violations


@pytest.mark.parametrize("file", FIRMWARE_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_file_keeps_the_rules(file):
    assert violations(ROOT, file) == []


def check(root, path, source):
    """The breaches found when `source` stands at `path`."""
    file = root / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    return violations(root, file)


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
]


@pytest.mark.parametrize(("path", "source"), BREACHES)
def test_breach_is_found(tmp_path, path, source):
    assert len(check(tmp_path, path, source)) == 1


CORRECT = [
    ("firmware/wattpurse/core/money/ledger.py", "import struct\n\nfrom wattpurse.core import tariff"),
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
]


@pytest.mark.parametrize(("path", "source"), CORRECT)
def test_correct_file_passes(tmp_path, path, source):
    assert check(tmp_path, path, source) == []
