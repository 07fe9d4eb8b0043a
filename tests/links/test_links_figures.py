"""The figures of the MQTT link, and the probe that takes them."""

import asyncio
import json

from boards.host import at_broker
from boards.host.world.clock import VirtualClock
from wattpurse_tools.bench import links, links_mqtt
from wattpurse_tools.bench.links_mqtt import FAULTS, NO_FAULT, Trial

HELD_MS = 60
OTHERS_MS = 100


class _Clocked:
    """The part of a world that a pace needs."""

    def __init__(self):
        self.clock = VirtualClock()


def _pace_of_a_held_loop(monkeypatch, queued_ms):
    """Return the pace of a loop that was held once. For so much of the time it waited for a processor."""
    world, held_ms, waited_ms = _Clocked(), [0], [7]
    monkeypatch.setattr(at_broker, "real_ms", lambda: world.clock.now_us // 1000 + held_ms[0])
    monkeypatch.setattr(at_broker, "queued_ms", lambda: waited_ms[0])
    pace = at_broker.Pace(world, 1)

    async def live():
        probe = asyncio.create_task(pace.probe())
        await world.clock.sleep_ms(50)
        held_ms[0] += HELD_MS + queued_ms
        waited_ms[0] += queued_ms
        await world.clock.sleep_ms(50)
        probe.cancel()

    world.clock.run(live())
    return pace


def test_a_task_that_waits_in_place_makes_the_loop_late(monkeypatch):
    pace = _pace_of_a_held_loop(monkeypatch, 0)
    assert (pace.late_ms, pace.held_ms) == (HELD_MS, HELD_MS)


def test_the_time_of_other_programs_is_no_delay_of_the_meter(monkeypatch):
    pace = _pace_of_a_held_loop(monkeypatch, OTHERS_MS)
    assert (pace.late_ms, pace.held_ms) == (HELD_MS + OTHERS_MS, HELD_MS)


def test_a_meter_lives_through_resets_and_is_judged(monkeypatch):
    reset = next(one for one in FAULTS if one.name == "mqtt_late_reset_ms")
    values, notes = links_mqtt._late_ms((reset,), 1)
    assert set(values) == {reset.name}
    assert "under resets" in notes[0]


def test_a_fault_that_this_user_may_not_make_is_left_out_and_named():
    def refuse(_bench, _repeat):
        raise PermissionError("the port is for root alone")

    values, notes = links_mqtt._late_ms((Trial("mqtt_late_names_ms", "a silent name server", refuse),), 1)
    assert (values, notes) == ({}, ["mqtt_late_names_ms is not measured: the port is for root alone"])


def _measured(late_ms):
    values = {one.name: 1.0 for one in (*FAULTS, NO_FAULT)}
    return lambda: ({**values, "mqtt_loop_late_ms": late_ms}, ["Late under resets, ms: 1."])


def test_a_loop_that_is_held_fails_the_bench(tmp_path, monkeypatch, capsys):
    path = tmp_path / "links.json"
    monkeypatch.setattr(links_mqtt, "measure", _measured(10.0))
    assert links.main([str(path), "mqtt"]) == 0
    monkeypatch.setattr(links_mqtt, "measure", _measured(11.0))
    assert links.main([str(path), "mqtt"]) == 1
    assert "NOT MET" in capsys.readouterr().out


def test_without_a_name_every_link_is_measured_into_one_file(tmp_path, monkeypatch):
    path = tmp_path / "links.json"
    path.write_text('{"another_ms": 1}')
    monkeypatch.setattr(links_mqtt, "measure", _measured(1.0))
    measured = {"gatt_token_ms": 1.0, "gatt_token_computer_ms": 1.0}
    monkeypatch.setattr(links.links_gatt, "measure", lambda: (measured, []))
    assert links.main([str(path)]) == 0
    assert {"another_ms", "gatt_token_ms", "mqtt_loop_late_ms"} <= set(json.loads(path.read_text()))


def test_a_link_that_is_not_there_is_refused(tmp_path, capsys):
    assert links.main([str(tmp_path / "links.json"), "pigeon"]) == 2
    assert "mqtt, gatt" in capsys.readouterr().out
