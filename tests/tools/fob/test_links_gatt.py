"""The measurement of a token by Bluetooth."""

import json

from wattpurse_tools.bench import links, links_gatt


def test_a_measurement_adds_its_figures_to_those_of_other_links(tmp_path, monkeypatch, capsys):
    path = tmp_path / "links.json"
    path.write_text('{"another_ms": 1}')
    measure = links_gatt.measure
    monkeypatch.setattr(links_gatt, "measure", lambda: measure(2))
    links.main([str(path), "gatt"])
    figures = json.loads(path.read_text())
    assert figures["another_ms"] == 1
    assert figures["gatt_token_ms"] > figures["gatt_token_computer_ms"] > 0
    assert "gatt_token_ms" in capsys.readouterr().out


def test_a_token_that_takes_too_long_fails_the_bench(tmp_path, monkeypatch):
    measured = {"gatt_token_ms": 1_000.1, "gatt_token_computer_ms": 1.0}
    monkeypatch.setattr(links_gatt, "measure", lambda: (measured, []))
    assert links.main([str(tmp_path / "links.json"), "gatt"]) == 1
