"""The circuit in docs/hardware keeps its rules, each rule finds a planted error, and the documents are current."""

import csv
import re
import tomllib

import pytest

from tests.house.places import ROOT
from wattpurse_tools import boards, cli
from wattpurse_tools.hardware import bill_of_materials, documents, netlist, rules

TEXT = netlist.FILE.read_text(encoding="utf-8")
FOLDER = netlist.FILE.parent


def circuit_with(*changes, board="pico"):
    """Return the circuit of a netlist with texts replaced. Each old text must be in the netlist."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return netlist.circuit_of(netlist.parse(text, "planted.toml"), board)


def part_with(ref, *changes, board="pico"):
    """Return the circuit of a netlist with texts of one part replaced."""
    section = re.search(rf"^\[parts\.{ref}\]\n.*?(?=^\[parts\.(?!{ref}\.)|\Z)", TEXT, re.MULTILINE | re.DOTALL)[0]
    changed = section
    for old, new in changes:
        assert old in changed, old
        changed = changed.replace(old, new)
    return circuit_with((section, changed), board=board)


def without(*refs, board="pico"):
    """Return the circuit without some parts."""
    found = netlist.parse(TEXT, "planted.toml")
    for ref in refs:
        del found.parts[ref]
    return netlist.circuit_of(found, board)


def found_by(rule, circuit):
    """Return the breaches of one rule as one text."""
    return "\n".join(rule(circuit))


class TestTheCircuit:
    @pytest.mark.parametrize("board", boards.names())
    def test_keeps_every_rule(self, board):
        assert rules.breaches(netlist.circuit_of(netlist.read(), board)) == []

    def test_has_every_board_of_the_repository(self):
        assert sorted(netlist.read().boards) == sorted(boards.names())

    def test_every_rule_has_a_planted_error_here(self):
        source = (ROOT / "tests/house/test_hardware.py").read_text()
        assert [rule.__name__ for rule in rules.RULES if f"found_by(rules.{rule.__name__}," not in source] == []


class TestPlantedErrors:
    def test_a_signal_that_the_netlist_lacks(self):
        circuit = circuit_with(("reverse_flow = 12\n", ""))
        assert "reverse_flow: is in pins.py" in found_by(rules.wiring_table, circuit)

    def test_a_signal_that_pins_py_lacks(self):
        circuit = circuit_with(("reverse_flow = 12\n", "reverse_flow = 12\nsiren = 13\n"))
        said = found_by(rules.wiring_table, circuit)
        assert "siren: is a signal of the netlist's board, and pins.py lacks it" in said
        assert "siren: no part is on its net SIREN" in said

    def test_a_signal_on_another_gpio_than_in_pins_py(self):
        circuit = circuit_with(("buzzer = 7\n", "buzzer = 13\n"))
        assert "buzzer: GPIO 7 in pins.py, GPIO 13 in the netlist" in found_by(rules.wiring_table, circuit)

    def test_a_net_in_no_domain(self):
        said = found_by(rules.nets, part_with("R1", ('"HOLD"', '"HOLDS"')))
        assert "HOLDS: is in no voltage domain" in said
        assert "HOLDS: joins" not in said

    def test_a_net_with_one_end(self):
        assert "OPEN_WINDING: joins fewer than two pins" in found_by(rules.nets, without("Q1", "D5"))

    def test_a_resistor_between_mains_and_extra_low_voltage(self):
        circuit = part_with("R28", ('"POWER_FAIL"', '"WATCH_B"'))
        assert "R28: joins elv and mains, and is not listed" in found_by(rules.isolation, circuit)

    def test_a_second_ground_shared_with_the_pulse_outputs(self):
        circuit = part_with("R14", ('"PULSE_0V"', '"GND"'))
        assert "R14: joins elv and pulse" in found_by(rules.isolation, circuit)

    def test_an_isolator_of_mains_with_basic_insulation(self):
        circuit = circuit_with(('PS1 = "reinforced, 3 kV', 'PS1 = "basic, 3 kV'))
        assert "PS1: isolates mains, which takes reinforced" in found_by(rules.isolation, circuit)

    def test_an_isolator_that_isolates_nothing(self):
        circuit = circuit_with(("[isolators]\n", '[isolators]\nR1 = "reinforced, 5 kV"\n'))
        assert "R1: is listed as an isolator" in found_by(rules.isolation, circuit)

    def test_two_outputs_on_one_net(self):
        circuit = part_with("U6B", ('"REVERSE_FLOW"', '"PULSE"'))
        assert "PULSE: is driven by U6A.Y and U6B.Y" in found_by(rules.one_driver, circuit)

    def test_an_output_of_the_board_on_a_driven_net(self):
        circuit = part_with("U6A", ('Y = "PULSE"', 'Y = "BUZZER"'))
        assert "BUZZER: is driven by" in found_by(rules.one_driver, circuit)

    def test_an_open_drain_without_a_resistor(self):
        assert "READER_IRQ: A2.IRQ is open drain" in found_by(rules.open_drains, without("R29"))

    @pytest.mark.parametrize(
        ("gpio", "use"),
        [(2, "strapping"), (15, "strapping"), (13, "JTAG"), (9, "flash"), (35, "input-only"), (16, "uses itself")],
    )
    def test_a_coil_on_a_pin_with_another_use(self, gpio, use):
        circuit = circuit_with(("open_coil = 32\n", f"open_coil = {gpio}\n"), board="esp32")
        assert use in found_by(rules.coil_pins, circuit)

    @pytest.mark.parametrize("ref", ["R9", "R13"])
    def test_a_coil_command_without_a_pull_down(self, ref):
        assert "command" in found_by(rules.coil_pull_downs, without(ref))

    @pytest.mark.parametrize("ref", ["R8", "R12"])
    def test_a_gate_without_a_pull_down(self, ref):
        assert "gate" in found_by(rules.coil_pull_downs, without(ref))

    @pytest.mark.parametrize("ref", ["D5", "D6"])
    def test_a_coil_without_a_clamp(self, ref):
        assert "no clamp" in found_by(rules.coil_clamps, without(ref))

    @pytest.mark.parametrize(("ref", "own", "other"), [("U3A", "OPEN", "CLOSE"), ("U3B", "CLOSE", "OPEN")])
    def test_a_coil_that_the_other_does_not_lock(self, ref, own, other):
        circuit = part_with(ref, (f'"{other}_REST"', f'"{own}_PULSE"'))
        assert f"{own.lower()}_coil: is not locked" in found_by(rules.coil_interlock, circuit)

    def test_a_coil_that_stays_locked_after_the_other(self):
        circuit = part_with("U3A", ('"OPEN_PULSE"', '"CLOSE_IDLE"'))
        assert "an opening at once would be lost" in found_by(rules.coil_interlock, circuit)

    def test_a_coil_without_a_one_shot(self):
        assert "open_coil: no one-shot" in found_by(rules.coil_one_shots, without("U2A"))

    def test_a_transistor_past_the_one_shot(self):
        circuit = part_with("U3A", ('"OPEN_PULSE"', '"OPEN_COIL"'))
        assert "open_coil: no one-shot ends its pulse" in found_by(rules.coil_one_shots, circuit)

    def test_a_one_shot_that_the_board_can_lengthen(self):
        circuit = part_with("U2B", ('B = "CLOSE_IDLE"', 'B = "5V"'))
        assert "close_coil: a second edge lengthens the pulse" in found_by(rules.coil_one_shots, circuit)

    def test_a_one_shot_longer_than_200_ms(self):
        circuit = part_with("C7", ('"1 uF"', '"1.5 uF"'))
        assert "more than 200 ms" in found_by(rules.coil_one_shots, circuit)

    def test_a_one_shot_shorter_than_the_drivers_pulse(self):
        circuit = part_with("R6", ('"220 kohm"', '"180 kohm"'))
        assert "and a pulse takes 120 ms" in found_by(rules.coil_one_shots, circuit)

    def test_a_one_shot_that_a_reset_does_not_end(self):
        circuit = part_with("U2A", ('CD = "RESET"', 'CD = "OPEN_DRIVE"'))
        assert "a reset of the board does not end" in found_by(rules.coil_one_shots, circuit)

    def test_coils_straight_on_the_supply(self):
        assert "no store of energy" in found_by(rules.coil_energy, without("R4"))

    def test_a_store_too_small_for_a_pulse(self):
        circuit = part_with("C4", ('"10000 uF"', '"4700 uF"'))
        assert "and needs 8.4 V" in found_by(rules.coil_energy, circuit)

    @pytest.mark.parametrize("ref", ["R24", "R28", "R29", "R32"])
    def test_an_input_only_pin_without_a_resistor(self, ref):
        assert "has no resistor of the chip" in found_by(rules.input_only_pins, without(ref, board="esp32"))

    def test_a_pull_up_to_5_v_on_a_pin_of_the_board(self):
        circuit = part_with("R30", ('"3V3"', '"5V"'))
        assert "button: R30 pulls it to 5V" in found_by(rules.board_levels, circuit)

    def test_a_display_at_5_v_without_a_level_shifter(self):
        circuit = part_with("A1", ("DISPLAY_DATA_5V", "DISPLAY_DATA"))
        assert "display_data: A1.DIO has its supply from 5V" in found_by(rules.board_levels, circuit)

    def test_a_schmitt_trigger_at_5_v(self):
        circuit = part_with("U6", ('"3V3"', '"5V"'))
        assert "pulse: U6A.Y has its supply from 5V" in found_by(rules.board_levels, circuit)

    def test_too_little_current_for_an_s0_output(self):
        circuit = part_with("R15", ('"820 ohm"', '"2.2 kohm"'))
        assert "an S0 output needs 10 mA" in found_by(rules.pulse_loop, circuit)

    def test_too_much_current_for_an_s0_output(self):
        circuit = part_with("R15", ('"820 ohm"', '"390 ohm"'))
        assert "more than 27 mA" in found_by(rules.pulse_loop, circuit)

    def test_a_leak_that_lights_the_led(self):
        assert "may light the LED" in found_by(rules.pulse_loop, without("R16"))

    def test_an_output_of_the_meter_at_a_bare_pull_up(self):
        assert "need a loop each" in found_by(rules.pulse_loop, without("U5"))

    def test_a_filter_that_passes_bounce(self):
        circuit = part_with("C9", ('"1 uF"', '"470 nF"'))
        assert "bounce lasts up to 5 ms" in found_by(rules.pulse_filter, circuit)

    def test_a_filter_that_drops_pulses(self):
        circuit = part_with("R18", ('"10 kohm"', '"22 kohm"'))
        assert "and a pulse 30 ms" in found_by(rules.pulse_filter, circuit)

    def test_a_pulse_input_without_a_filter(self):
        assert "no filter" in found_by(rules.pulse_filter, without("C9"))

    def test_a_store_that_ends_before_the_switch_is_open(self):
        circuit = part_with("C1", ('"47000 uF"', '"22000 uF"'))
        assert "ms are needed" in found_by(rules.hold_up, circuit)

    def test_a_mains_watch_that_reports_too_late(self):
        circuit = part_with("C12", ('"470 nF"', '"10 uF"'))
        assert "ms are needed" in found_by(rules.hold_up, circuit)

    def test_a_board_without_a_supervisor(self):
        assert "no supervisor" in found_by(rules.supervisor, without("U4"))

    def test_a_supervisor_below_the_flash(self):
        circuit = part_with("U4", ("2.93 V", "2.63 V"))
        assert "another voltage than 2.9 V" in found_by(rules.supervisor, circuit)

    def test_a_clock_module_that_charges_its_battery(self):
        circuit = part_with("A3", ('removed = ["charge resistor, 200 ohm, beside the diode"]', "removed = []"))
        assert "a CR2032 may burst" in found_by(rules.clock_battery, circuit)

    def test_a_part_without_a_rating(self):
        circuit = part_with("R26", ('rating = "5 %, 1 W, 350 V or more"', 'rating = ""'))
        assert "R26: has no value or no rating" in found_by(rules.ratings, circuit)

    def test_one_pin_of_a_chip_used_twice(self):
        circuit = part_with("U3B", ("B = 4", "B = 2"))
        assert "U3B.B: is pin 2, and so is U3A.B" in found_by(rules.pin_numbers, circuit)

    def test_a_pin_without_a_number(self):
        circuit = part_with("U6F", ("numbers = { A = 13, Y = 12 }\n", ""))
        assert "U6F: its pins and their numbers differ" in found_by(rules.pin_numbers, circuit)


class TestTheDocuments:
    @pytest.mark.parametrize("name", sorted(documents.all_of(netlist.read())))
    def test_the_committed_file_is_the_one_that_make_hardware_writes(self, name):
        assert (FOLDER / name).read_text(encoding="utf-8") == documents.all_of(netlist.read())[name]

    def test_the_bill_of_materials_has_every_bought_part_once(self):
        with (FOLDER / "bom.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        bought = [ref for row in rows if row["block"] != "board" for ref in row["references"].split()]
        parts = tomllib.loads(TEXT)["parts"]
        assert sorted(bought) == sorted(ref for ref, part in parts.items() if "package" not in part and ref != "X3")
        assert len(bought) == len(set(bought))
        assert sum(int(row["quantity"]) for row in rows) == len(bought) + len(boards.names())
        for row in rows:
            for ref in row["references"].split():
                if row["block"] != "board":
                    assert row["rating"] == parts[ref]["rating"], ref
                    assert parts[ref]["value"] in row["part"], ref

    def test_a_part_that_is_dropped_from_the_netlist_leaves_the_bill_of_materials(self):
        found = netlist.parse(TEXT, "planted.toml")
        del found.parts["RV1"]
        assert "RV1" not in bill_of_materials.csv_of(found)

    @pytest.mark.parametrize("board", boards.names())
    def test_the_picture_names_every_part_and_every_pin_of_the_board(self, board):
        picture = (FOLDER / f"wiring-{board}.svg").read_text(encoding="utf-8")
        found = netlist.read()
        pins = found.boards[board]
        assert [ref for ref, part in found.parts.items() if part.pins and f">{ref}<" not in picture] == []
        assert [gpio for gpio in pins.signals.values() if f">GPIO {gpio}" not in picture] == []
        assert [pin for pin in pins.supplies if f">{pin}<" not in picture] == []


class TestTheCommand:
    def test_check_lists_the_breaches_of_each_board_and_fails(self, tmp_path, capsys):
        planted = tmp_path / "netlist.toml"
        planted.write_text(TEXT.replace('"820 ohm"', '"2.2 kohm"'), encoding="utf-8")
        assert cli.main(["hardware", "check", "--netlist", str(planted)]) == 1
        said = capsys.readouterr().out
        assert said.count("pulse_loop: U5: ") == len(boards.names())

    def test_make_writes_nothing_of_a_netlist_that_breaks_a_rule(self, tmp_path, capsys):
        planted = tmp_path / "netlist.toml"
        planted.write_text(TEXT.replace('"820 ohm"', '"2.2 kohm"'), encoding="utf-8")
        assert cli.main(["hardware", "make", "--netlist", str(planted)]) == 1
        assert "the netlist breaks a rule: pico: pulse_loop" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == [planted]

    def test_make_replaces_its_own_files_and_no_others(self, tmp_path, capsys):
        words = ["hardware", "make", "--out", str(tmp_path)]
        assert cli.main(words) == 0
        assert cli.main(words) == 0
        (tmp_path / "bom.csv").write_text("my own list\n")
        assert cli.main(words) == 1
        assert "bom.csv: exists, and this command did not make it" in capsys.readouterr().err

    def test_a_netlist_that_is_not_whole_is_refused_in_words(self, tmp_path, capsys):
        planted = tmp_path / "netlist.toml"
        planted.write_text(TEXT.replace('block = "mains"\n', "", 1), encoding="utf-8")
        assert cli.main(["hardware", "check", "--netlist", str(planted)]) == 1
        assert "netlist.toml: part QF1: block is missing" in capsys.readouterr().err
