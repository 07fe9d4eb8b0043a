"""The clamps at the console: their readings, and their calibration by a technician.

Only a meter with clamps imports this module.

ct                      readings of each leg, and clamps that look wrong
ct measure SECONDS      measure for a calibration
ct gain L1 WATTS        the measured load of power factor 1 had so many watts
ct phase L1 WATTS       the measured load of power factor 0.5 lagging had so many watts
ct offset L1            there was no load
ct set NAME [L1] VALUE  a figure of the installation, see `SETTINGS`
"""

from wattpurse.core import carrier
from wattpurse.core.records import events
from wattpurse.core.records.settings import CLAMPS, METERING_CHIP
from wattpurse.drivers import ct_calibration
from wattpurse.drivers.ct_front_end import MWH_PER_KWH
from wattpurse.services.console import arguments as read

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from wattpurse.app import Meter
    from wattpurse.drivers.ct_calibration import Calibration, LegCalibration
    from wattpurse.services.clamps import Clamps

MEASURE_LONGEST_S = 120
GAIN = 1
PHASE = 2
OFFSET = 3
SET = 4

_MOST_W = 100_000
# name, unit, lowest, highest, True if each leg has its own
SETTINGS = (
    ("clamp", "mA for a volt at the input", 1_000, 1_000_000, True),
    ("divider", "mV for a volt at the input", 10_000, 2_000_000, True),
    ("nominal", "V", 100, 250, False),
    ("low", "percent of the nominal voltage", 50, 99, False),
    ("high", "percent of the nominal voltage", 101, 150, False),
    ("legs", "legs", 1, 2, False),
)
CHIP_SETTINGS = SETTINGS + (("impulses", "impulses per kWh", 1_000, 3_200, False),)


def facts_of(clamps: "Clamps") -> dict:
    """Return the readings of each leg, and sentences about clamps that look wrong."""
    readings = clamps.front_end.readings
    legs = [
        {
            "leg": place + 1,
            "volts_mv": readings.millivolts(place),
            "amperes_ma": readings.milliamperes(place),
            "power_mw": readings.milliwatts(place),
            "factor_percent": readings.factor_percent(place),
            "frequency_mhz": readings.millihertz(place),
            "import_wh": clamps.import_wh(place),
            "export_wh": clamps.export_wh(place),
            "voltage": ("fine", "too low", "too high")[clamps.states[place].voltage],
        }
        for place in range(len(clamps.front_end.legs))
    ]
    return {"legs": legs, "clamp_faults": clamps.faults(), "samples_lost": clamps.front_end.samples_lost}


def rows_of(facts: dict) -> list:
    """Return the rows of a report about `facts_of`."""
    rows = []
    for leg in facts["legs"]:
        rows.append((f"L{leg['leg']}", leg_text(leg)))
    rows += [("clamps", fault) for fault in facts["clamp_faults"]]
    rows.append(("samples lost", str(facts["samples_lost"]) if facts["samples_lost"] else None))
    return rows


def leg_text(leg: dict) -> str:
    """Return the readings of one leg on one line."""
    voltage = "" if leg["voltage"] == "fine" else f" ({leg['voltage']})"
    return (
        f"{_decimals(leg['volts_mv'], 100, 10)} V{voltage}, {_decimals(leg['amperes_ma'], 10, 100)} A,"
        f" {_decimals(leg['power_mw'], 100, 10)} W, factor {_decimals(leg['factor_percent'], 1, 100)},"
        f" {_decimals(leg['frequency_mhz'], 10, 100)} Hz,"
        f" {energy_text(leg)}"
    )


def energies_of(clamps: "Clamps") -> list:
    """Return the energy of each leg in both directions."""
    return [
        {"leg": place + 1, "import_wh": clamps.import_wh(place), "export_wh": clamps.export_wh(place)}
        for place in range(len(clamps.front_end.legs))
    ]


def energy_text(leg: dict) -> str:
    """Return the energy of one leg in both directions, which are never netted."""
    return f"in {_decimals(leg['import_wh'], 1, 1000)} kWh, out {_decimals(leg['export_wh'], 1, 1000)} kWh"


async def measure(meter: "Meter", arguments: list) -> str:
    """Measure every leg for some seconds and show the result. The next `ct gain`, `phase` or `offset` uses it."""
    read.expect(arguments, "ct measure SECONDS, for example 'ct measure 20'", 1)
    seconds = read.number(arguments[0], "SECONDS", 1, MEASURE_LONGEST_S)
    clamps = _clamps(meter)
    lines = []
    for place, seen in enumerate(await clamps.measure(seconds)):
        leg = clamps.front_end.calibration.legs[place]
        power = _decimals(seen.milliwatts(leg), 10, 100)
        lines.append(f"L{place + 1}: {power} W, factor {_decimals(seen.factor_percent(leg), 1, 100)}")
    return "\n".join(lines + clamps.faults())


def set_gain(meter: "Meter", arguments: list) -> str:
    """Set the gain of a leg from the newest measurement and the true load."""
    read.expect(arguments, "ct gain L1|L2 WATTS, the load of power factor 1 that was measured", 2)
    leg, load_mw = _leg(meter, arguments[0]), milliwatts(arguments[1])
    return _set(meter, GAIN, leg, lambda clamps: clamps.set_gain(leg, load_mw))


def set_phase(meter: "Meter", arguments: list) -> str:
    """Set the phase of a leg from the newest measurement and the true load."""
    read.expect(arguments, "ct phase L1|L2 WATTS, the load of power factor 0.5 lagging that was measured", 2)
    leg, load_mw = _leg(meter, arguments[0]), milliwatts(arguments[1])
    return _set(meter, PHASE, leg, lambda clamps: clamps.set_phase(leg, load_mw))


def set_offset(meter: "Meter", arguments: list) -> str:
    """Set the offset of a leg from the newest measurement, which was made without a load."""
    read.expect(arguments, "ct offset L1|L2, after a measurement without a load", 1)
    leg = _leg(meter, arguments[0])
    return _set(meter, OFFSET, leg, lambda clamps: clamps.set_offset(leg))


def set_figure(meter: "Meter", arguments: list) -> str:
    """Set a figure of the installation. It makes measurements void that were made before."""
    clamps = _clamps(meter)
    figures = CHIP_SETTINGS if clamps.rules is not ct_calibration else SETTINGS
    names = ", ".join([row[0] for row in figures])
    read.expect(arguments, f"ct set NAME [L1|L2] VALUE, NAME one of {names}", 2, 3)
    rows = [row for row in figures if row[0] == arguments[0]]
    if not rows:
        raise ValueError(f"no figure '{arguments[0][:20]}': {names}")
    name, unit, lowest, highest, is_of_leg = rows[0]
    if is_of_leg != (len(arguments) == 3):
        raise ValueError("usage: ct set " + name + (" L1|L2" if is_of_leg else "") + " VALUE")
    value = read.number(arguments[-1], name, lowest, highest)
    leg = _leg(meter, arguments[1]) if is_of_leg else 0
    changed = clamps.rules.unpack(clamps.front_end.calibration.pack())
    _change(changed, clamps.rules, name, leg, value)
    changed.check()
    meter.metering.step()
    if name == "legs":
        meter.settings.set(clamps.setting, changed.pack())
        _measure(meter, clamps.setting)
    else:
        clamps.keep(changed)
    if name == "impulses":
        meter.ledger.change(lambda altered: altered.calibrate(value, 1))
    _note(meter, SET, leg, value)
    of_leg = f" of L{leg + 1}" if is_of_leg else ""
    return f"{name}{of_leg} is {value} {unit}; calibrate now: 'ct measure 20'"


def choose(meter: "Meter") -> str:
    """Measure with clamps from now on, in place of pulses. Raises ValueError if the board has no converter."""
    calibration = meter.settings.get("clamps")
    if calibration is None:
        calibration = ct_calibration.default().pack()
    meter.measure_with_clamps(ct_calibration.unpack(calibration))
    meter.settings.set_all((("clamps", calibration), ("front_end", CLAMPS)))  # first: the start follows the settings
    meter.ledger.change(lambda altered: altered.calibrate(MWH_PER_KWH, 1))
    return "from now on the clamps measure; type 'reboot' to have them watched, then calibrate: see docs/ct.md"


def choose_chip(meter: "Meter") -> str:
    """Count the pulses of the metering chip from now on. Raises ValueError if the board has none."""
    from wattpurse.drivers import atm90e32_calibration as rules

    calibration = meter.settings.get("metering_chip")
    if calibration is None:
        calibration = rules.default().pack()
    meter.measure_with_chip(rules.unpack(calibration))
    meter.board.counter.take()  # pulses of another meter, on the wire that is CF1 from now on
    meter.settings.set_all((("metering_chip", calibration), ("front_end", METERING_CHIP)))
    impulses = meter.clamps.impulses
    meter.ledger.change(lambda altered: altered.calibrate(impulses, 1))
    return "from now on the metering chip measures; type 'reboot' to have it watched, then calibrate: see docs/ct.md"


def milliwatts(text: str) -> int:
    """Return watts with up to three decimals in mW. Raises ValueError for anything else."""
    whole, _, decimals = text.partition(".")
    if len(decimals) > 3:
        raise ValueError("WATTS has three decimals at most")
    value = read.number(whole, "WATTS", 0, _MOST_W) * 1000
    return value + (read.number(decimals + "0" * (3 - len(decimals)), "WATTS", 0, 999) if decimals else 0)


def _set(meter: "Meter", kind: int, leg: int, change: "Callable[[Clamps], LegCalibration]") -> str:
    """Charge the energy up to now, then calibrate a leg, note it and say it."""
    clamps = _clamps(meter)
    meter.metering.step()
    made = change(clamps)
    _note(meter, kind, leg, (0, made.gain_ppm, made.phase, made.offset)[kind])
    gain, degrees = _decimals(made.gain_ppm, 1, 1_000_000), _decimals(made.centidegrees, 1, 100)
    return f"L{leg + 1}: gain {gain}, phase {degrees} degrees at 60 Hz, offset {made.offset}"


def _measure(meter: "Meter", setting: str) -> None:
    """Begin anew with the front end of `setting`, by its settings."""
    if setting == "clamps":
        meter.measure_with_clamps()
    else:
        meter.measure_with_chip()


def _change(calibration: "Calibration", rules: "ModuleType", name: str, leg: int, value: int) -> None:
    if name == "clamp":
        calibration.legs[leg].set_clamp(value)
    elif name == "divider":
        calibration.legs[leg].set_divider(value)
    elif name == "nominal":
        calibration.nominal_v = value
    elif name == "low":
        calibration.low_percent = value
    elif name == "high":
        calibration.high_percent = value
    elif name == "impulses":
        setattr(calibration, name, value)  # noqa: B010 only the metering chip has it
    else:
        calibration.legs = (calibration.legs + rules.default().legs)[:value]


def _clamps(meter: "Meter") -> "Clamps":
    if meter.clamps is None:
        raise ValueError("this meter counts pulses; 'calibrate ct' or 'calibrate chip' makes it measure")
    return meter.clamps


def _leg(meter: "Meter", text: str) -> int:
    """Return the place of a leg, L1 or L2."""
    legs = len(_clamps(meter).front_end.legs)
    names = [f"L{place + 1}" for place in range(legs)]
    if text.upper() not in names:
        raise ValueError("the leg is " + " or ".join(names))
    return names.index(text.upper())


def _note(meter: "Meter", kind: int, leg: int, value: int) -> None:
    meter.events.note(events.CLAMPS_SET, carrier.CONSOLE, meter.timekeeper.now_s(), kind * 8 + leg + 1, value)


def _decimals(value: int, divisor: int, scale: int) -> str:
    """Return `value` // `divisor` as a decimal number with the digits of `scale`, rounded towards zero."""
    size = abs(value) // divisor
    digits = len(str(scale)) - 1
    return f"{'-' if value < 0 else ''}{size // scale}." + "0" * (digits - len(str(size % scale))) + str(size % scale)
