"""The waits of a story: they last while there is progress, and end with the reason when nothing moves."""

from types import SimpleNamespace

import pytest

from wattpurse_tools.rehearsal import story
from wattpurse_tools.rehearsal.patience import Patience


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_time_counts_from_the_last_progress():
    clock, measures = Clock(), iter((1, 1, 2, 2, 2))
    patience = Patience(lambda: next(measures), clock)
    found = []
    for now in (0, 5, 10, 15, 30):
        clock.now = now
        found.append(patience.still_s())
    assert found == [0, 5, 0, 5, 20]


def test_a_wait_that_begins_anew_counts_from_there():
    clock = Clock()
    patience = Patience(lambda: "the same", clock)
    patience.still_s()
    clock.now = 8
    patience.begin()
    clock.now = 11
    assert patience.still_s() == 3


class Office:
    """A backlog whose reasons a test gives, one for each look."""

    def __init__(self, reasons):
        self.reasons = list(reasons)

    def reason(self):
        return self.reasons.pop(0) if len(self.reasons) > 1 else self.reasons[0]

    def waits_for_the_clock(self):
        return self.reasons[0] == "later"

    def measure(self):
        return self.reasons[0]


def told(monkeypatch, reasons, still_s=0.0):
    """Return a story over such a backlog, and the list of the steps of time that it takes."""
    monkeypatch.setattr(story, "STILL_S", still_s)
    fleet = SimpleNamespace(settle=lambda _seconds: True)
    one = story.Story.__new__(story.Story)
    one._scene = SimpleNamespace(fleet=fleet)
    one._backlog = Office(reasons)
    steps = []
    monkeypatch.setattr(one, "step", steps.append)
    return one, steps


def test_a_step_of_time_passes_when_all_stands_still(monkeypatch):
    one, steps = told(monkeypatch, ["lost", "lost", ""])
    one.settle()
    assert len(steps) == 2


def test_a_record_that_never_settles_ends_the_story_with_the_reason(monkeypatch):
    one, steps = told(monkeypatch, ["3 orders have no outcome"])
    with pytest.raises(TimeoutError, match="3 orders have no outcome"):
        one.settle()
    assert len(steps) == story.MOST_STEPS


def test_orders_that_are_to_be_sent_later_let_time_pass_at_once(monkeypatch):
    one, steps = told(monkeypatch, ["busy", "later", "busy", ""], still_s=3_600.0)
    one.settle()
    assert len(steps) == 1
