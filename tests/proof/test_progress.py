"""A long run that is cut goes on after its last finished piece, with the sums of a run in one go."""

import json
import types

import pytest

from tests.proof import campaign, progress


class Cut(BaseException):
    """The end of the process."""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "FOLDER", tmp_path)
    monkeypatch.setattr(campaign, "REPORT", tmp_path / "proof.json")
    monkeypatch.setattr(progress, "PIECE", 10)
    return tmp_path


def part(seen, cut_at=None):
    """Return a part that finds something in each seed that ends with 7. It dies at the seed `cut_at`."""

    def run_case(seed, tally):
        if seed == cut_at:
            raise Cut
        seen.append(seed)
        tally.cases += 2
        tally.faults += seed
        tally.add("evens", seed % 2 == 0)
        tally.at_most("longest", seed % 23)
        if seed % 10 == 7:
            raise campaign.Broken(campaign.LOST, f"seed {seed}")

    return types.SimpleNamespace(NAME="sample", ABOUT="", run_case=run_case)


def run(sample, goes_on, first_seed=3):
    tally, _ = progress.run(sample, first_seed, 35, 1, goes_on, None)
    return tally


def test_a_cut_run_goes_on_to_the_sums_of_a_run_in_one_go(own_folder):
    whole = run(part([]), False)
    seen = []
    with pytest.raises(Cut):
        run(part(seen, cut_at=29), False)
    assert json.loads(campaign.REPORT.read_text())["sample"]["form"] == "long, 20 of 35 seeds"
    again = []
    assert vars(run(part(again), True)) == vars(whole)
    assert again == list(range(23, 38))
    assert whole.findings[campaign.LOST] == len(whole.failures) == 4
    assert json.loads(campaign.REPORT.read_text())["sample"]["form"] == "long"
    assert vars(run(part(again := []), True)) == vars(whole)
    assert not again


@pytest.mark.parametrize("change", ["sources", "seed", "order"])
def test_a_run_begins_anew_unless_it_is_the_same_and_is_asked_to_go_on(monkeypatch, change):
    with pytest.raises(Cut):
        run(part([], cut_at=29), False)
    if change == "sources":
        monkeypatch.setattr(progress, "digest", lambda: "other sources")
    first_seed = 4 if change == "seed" else 3
    seen = []
    run(part(seen), change != "order", first_seed)
    assert seen == list(range(first_seed, first_seed + 35))


def test_the_digest_covers_the_sources(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "_ROOT", tmp_path)
    for folder in ("firmware", "tests"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "firmware" / "one.py"
    path.write_text("a = 1\n")
    before = progress.digest()
    path.write_text("a = 2\n")
    changed = progress.digest()
    path.rename(tmp_path / "firmware" / "two.py")
    assert len({before, changed, progress.digest()}) == 3
