"""Settings of the CPython test run: the same examples on every run, at any speed of the machine."""

import subprocess
from pathlib import Path

from hypothesis import settings

from boards.host import umqtt_place
from tests import office_of_tests

# Modules of tests import the record, which Django must know before.
office_of_tests.configure()

settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")

subprocess.run([Path(__file__).parents[1] / "tools/toolchain/umqtt"], check=True, stdout=subprocess.DEVNULL)
umqtt_place.make_importable()
