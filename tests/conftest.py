"""Settings of the CPython test run: the same examples on every run, at any speed of the machine."""

from hypothesis import settings

settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")
