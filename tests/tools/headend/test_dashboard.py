"""The Grafana dashboard and the alerts in docs/headend ask for figures and labels that /metrics really gives."""

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.house.places import ROOT
from tests.tools.headend.fleet_rows import make_fleet, queue_token
from tests.tools.office.desk_rows import now_s
from wattpurse_tools.headend import figures, rounds
from wattpurse_tools.record.models import Command

FOLDER = ROOT / "docs/headend"
QUERY = re.compile(r"(wattpurse_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')


def dashboard():
    """Return the dashboard."""
    return json.loads((FOLDER / "grafana-dashboard.json").read_text())


def queries():
    """Return the queries of dashboard and alerts, each with the text of its legend."""
    found = [(target["expr"], target["legendFormat"]) for panel in dashboard()["panels"] for target in panel["targets"]]
    alerts = re.findall(r"expr: (.*)", (FOLDER / "alerts.yml").read_text())
    return found + [(alert, "") for alert in alerts]


@pytest.fixture
def given(office):
    """Return the samples of an office in which each figure has a value."""
    make_fleet(now_s())
    queue_token(1001, "permit", "one", now_s())
    done = queue_token(1002, "recharge", "two", now_s())
    Command.objects.filter(pk=done.pk).update(state="done", outcome="redeemed")
    for work in (rounds.WORKER, rounds.ENGINE, rounds.PAYMENTS, rounds.SENDER):
        rounds.ended(work, now_s())
    families = text_string_to_metric_families(figures.text(now_s()))
    return [sample for family in families for sample in family.samples]


def test_each_query_finds_samples_and_each_legend_names_a_label_of_theirs(given):
    for query, legend in queries():
        asked = QUERY.findall(query)
        assert asked, query
        for name, matchers in asked:
            samples = [sample for sample in given if sample.name == name]
            assert samples, name
            for label, how, value in MATCHER.findall(matchers):
                assert all(label in sample.labels for sample in samples), (name, label)
                wanted = value.split("|") if how == "=~" else [value]
                assert set(wanted) <= {sample.labels[label] for sample in samples}, (name, label, value)
            for label in re.findall(r"by \((\w+)\)", query) + re.findall(r"\{\{(\w+)\}\}", legend):
                assert all(label in sample.labels for sample in samples), (query, label)


def test_each_figure_is_on_the_dashboard(given):
    shown = {name for query, _ in queries() for name, _ in QUERY.findall(query)}
    assert shown == {sample.name for sample in given}


def test_panels_do_not_overlap_and_have_numbers_and_titles_of_their_own():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_example_of_a_scrape_names_the_address_of_the_figures():
    text = (FOLDER / "prometheus.yml").read_text()
    assert "metrics_path: /metrics" in text
    assert "alerts.yml" in text
