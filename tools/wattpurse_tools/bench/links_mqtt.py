"""How the meter bears a network with faults, and the bytes of a day: the simulated meter on the unix port, mosquitto.

mqtt_loop_late_ms: beside the tasks of the meter, metering among them, runs a probe that sleeps for 10 ms again and
again. It notes by how much it wakes too late. A task that waits in place, for a socket or for its own work, makes the
probe late like every other task. `SPEED` virtual seconds pass in each real one, so that the deadlines of the link come
soon; the delay is in real time. The computer has other work as well. The time that the meter's process waited for a
processor is known to the kernel and is subtracted. Each fault has `REPEATS` runs, and its figure is the median of the
worst delays in them: a fault that holds the loop holds it in each run. mqtt_loop_late_ms is the worst of the faults.
The same without a fault is mqtt_loop_late_idle_ms; the notes give every run, and the delay without the subtraction.

bytes_a_day_hourly: a proxy counts the bytes of TCP's payload, both ways, acknowledgements and pings included, during
`HOURS` after the first statement. The meter has credit and a house behind it. bytes_a_day_hourly_json replaces each
sealed statement by its content as JSON without blanks.
"""

import contextlib
import json
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from boards.host.chips.aes import aes
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement, token
from wattpurse.core.seals import keys
from wattpurse_tools.bench.certificates import Authority
from wattpurse_tools.bench.fault_proxy import Fault, FaultProxy
from wattpurse_tools.bench.figures import AT_MOST, REPORTED, Figure
from wattpurse_tools.bench.meter import Measured
from wattpurse_tools.bench.meter_at_broker import METER_KEY, METER_NUMBER, MeterAtBroker
from wattpurse_tools.bench.mosquitto import Mosquitto, free_port
from wattpurse_tools.meter_link.broker import Access, Broker

REPEATS = 3
SPEED = 5
BOUND_MS = 10
DAY_SPEED = 300
HOURS = 4
HUGE_BYTES = 300_000
CUT_STEP = 6
CUTS = 20
FIRST_CUT = 20  # behind the subscriptions

_CREDIT_MICROUNITS = 50_000_000
_LIMIT_S = 30
_HOUR_LIMIT_S = 2 * 3_600 / DAY_SPEED
_NAME_PORT = 53


class Bench:
    """A broker, a proxy before it, and a client that sends tokens and reads what the meter publishes."""

    def __init__(self, broker: Mosquitto, proxy: FaultProxy, client: Broker) -> None:
        self.broker = broker
        self.proxy = proxy
        self.client = client
        self._sequence = 0

    def send_token(self, amount_microunits: int = 1_000_000) -> None:
        """Send a token of its own number."""
        self._sequence += 1
        kind, body = token.make(token.CREDIT_MONEY, amount_microunits)
        pair = keys.token_keys(aes, METER_KEY)
        data = token.seal_token(aes, pair, 1, METER_NUMBER, self._sequence, kind, body)
        self.client.publish(_topic(mqtt.TOKEN), data)

    def await_message(self, name: str, payload: bytes | None = None, limit_s: float = _LIMIT_S) -> bytes:
        """Return the payload of the next message on a topic of the meter, or the next one with this payload."""
        for topic, one in self.client.messages(limit_s):
            if topic == _topic(name) and payload in (None, one):
                return one
        raise TimeoutError(f"the meter sends no {name}")

    def meter(self, *lines: str) -> MeterAtBroker:
        """Return a meter that connects through the proxy. `lines` are typed before."""
        return MeterAtBroker((*lines, f"mqtt broker {self.proxy.address}"), SPEED)


class Trial(NamedTuple):
    """A fault: the name of its figure, its words, and its run, which returns the report of the meter."""

    name: str
    words: str
    run: Callable[[Bench, int], dict]


def no_fault(bench: Bench, _repeat: int) -> dict:
    """Run a meter at a healthy broker, with tokens."""
    with bench.meter() as meter:
        bench.await_message(mqtt.LINK, mqtt.ONLINE)
        for _ in range(3):
            bench.send_token()
            time.sleep(2)
    return meter.report


def dribble(bench: Bench, _repeat: int) -> dict:
    """Let each byte come after 200 ms, behind the broker's greeting."""
    bench.proxy.fault = Fault("dribble", 4)
    with bench.meter() as meter:
        for _ in range(4):
            time.sleep(2)
            bench.send_token()
    return meter.report


def cut(bench: Bench, repeat: int) -> dict:
    """End connections within packets, at another place each time. A token waits at the broker."""
    bench.proxy.fault = Fault("cut", FIRST_CUT)
    with bench.meter() as meter:
        bench.await_message(mqtt.LINK, mqtt.ONLINE)
        for number in range(CUTS):
            bench.proxy.fault = Fault("cut", number * CUT_STEP + repeat * CUT_STEP // REPEATS)
            seen = bench.proxy.connections
            bench.send_token()
            _await_that(lambda seen=seen: bench.proxy.connections > seen)
    return meter.report


def silent(bench: Bench, _repeat: int) -> dict:
    """Let the broker fall silent before its greeting, and then after it."""
    bench.proxy.fault = Fault("silent", 0)
    with bench.meter() as meter:
        _await_that(lambda: bench.proxy.connections > 0)
        bench.proxy.fault = Fault("silent", 14)
        time.sleep(10)
    return meter.report


def reset(bench: Bench, repeat: int) -> dict:
    """Reset each connection after some bytes."""
    bench.proxy.fault = Fault("reset", 6 + 20 * repeat)
    with bench.meter() as meter:
        time.sleep(8)
    return meter.report


def refused(_bench: Bench, _repeat: int) -> dict:
    """Let nobody listen at the port."""
    with MeterAtBroker((f"mqtt broker 127.0.0.1:{free_port()}",), SPEED) as meter:
        time.sleep(8)
    return meter.report


def huge(bench: Bench, _repeat: int) -> dict:
    """Send messages of 300 kB as tokens."""
    with bench.meter() as meter:
        bench.await_message(mqtt.LINK, mqtt.ONLINE)
        for _ in range(2):
            bench.client.publish(_topic(mqtt.TOKEN), bytes(HUGE_BYTES))
            bench.await_message(mqtt.RECEIPT)
    return meter.report


def restart(bench: Bench, _repeat: int) -> dict:
    """Restart the broker, and let the meter find it again."""
    with bench.meter() as meter:
        bench.await_message(mqtt.LINK, mqtt.ONLINE)
        bench.broker.stop()
        time.sleep(1)
        bench.broker.start()
        seen = bench.proxy.connections
        _await_that(lambda: bench.proxy.connections > seen)
        time.sleep(2)
    return meter.report


def names_silent(bench: Bench, repeat: int) -> dict:
    """Ask a name server that never answers. Raise PermissionError without the right to its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        address = f"127.{os.getpid() % 250 + 1}.{repeat + 1}.1"
        server.bind((address, _NAME_PORT))
        words = (f"mqtt dns {address}", f"mqtt broker broker.example:{bench.broker.port}")
        with MeterAtBroker(words, SPEED) as meter:
            time.sleep(8)
    return meter.report


def line_dropped(bench: Bench, _repeat: int) -> dict:
    """Drop the line: no byte passes, and new connections get no answer. Then restore it."""
    with bench.meter() as meter:
        bench.await_message(mqtt.LINK, mqtt.ONLINE)
        bench.proxy.drop_line()
        bench.send_token()
        time.sleep(9)
        bench.proxy.restore_line()
        time.sleep(3)
    return meter.report


NO_FAULT = Trial("mqtt_loop_late_idle_ms", "no fault", no_fault)
FAULTS = (
    Trial("mqtt_late_dribble_ms", "bytes that dribble", dribble),
    Trial("mqtt_late_cut_ms", "packets cut anywhere", cut),
    Trial("mqtt_late_silent_ms", "a silent peer", silent),
    Trial("mqtt_late_reset_ms", "resets", reset),
    Trial("mqtt_late_refused_ms", "a refused port", refused),
    Trial("mqtt_late_huge_ms", "messages of 300 kB", huge),
    Trial("mqtt_late_restart_ms", "a broker that restarts", restart),
    Trial("mqtt_late_names_ms", "a silent name server", names_silent),
    Trial("mqtt_late_line_ms", "a line that drops, as a modem's does", line_dropped),
)
_MEDIAN = f"median of the worst in {REPEATS} runs"
FIGURES = (
    Figure("mqtt_loop_late_ms", "ms", AT_MOST, BOUND_MS, "delay of the metering loop, the worst of the faults below"),
    *(Figure(one.name, "ms", AT_MOST, BOUND_MS, f"under {one.words}: {_MEDIAN}") for one in FAULTS),
    Figure(NO_FAULT.name, "ms", REPORTED, None, f"without a fault: {_MEDIAN}"),
    Figure("mqtt_tls_late_ms", "ms", REPORTED, None, f"with the handshake of TLS, on this computer: {_MEDIAN}"),
    Figure("bytes_a_day_hourly", "bytes", REPORTED, None, "both ways for hourly statements, pings included"),
    Figure("bytes_a_day_hourly_json", "bytes", REPORTED, None, "the same with the statements' content as plain JSON"),
)


def measure() -> Measured:
    """Return the figures by name, and a line about the runs of each fault."""
    values, notes = _late_ms(FAULTS, REPEATS)
    values["mqtt_loop_late_ms"] = max(values.values())
    for found, lines in (_late_ms((NO_FAULT,), REPEATS), _tls(REPEATS), bytes_a_day()):
        values.update(found)
        notes.extend(lines)
    return values, notes


def _late_ms(trials: tuple[Trial, ...], repeats: int) -> Measured:
    """Return the delay in each trial. A trial that this user may not make is left out, and a note says so."""
    values, notes = {}, []
    for trial in trials:
        try:
            reports = [_run(trial, repeat) for repeat in range(repeats)]
        except PermissionError as error:
            notes.append(f"{trial.name} is not measured: {error}")
            continue
        values[trial.name] = float(statistics.median_low(one["held_ms"] for one in reports))
        notes.append(_note(trial.words, reports))
    return values, notes


def _run(trial: Trial, repeat: int) -> dict:
    """Return the report of the meter after one run. Raise ValueError if the meter did not live through it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(folder))
        proxy = stack.enter_context(FaultProxy(broker.port))
        client = stack.enter_context(Broker(Access(broker.address)))
        client.subscribe(_topic("#"))
        report = trial.run(Bench(broker, proxy, client), repeat)
    if report["starts"] != 2:
        raise ValueError(f"the meter restarted under {trial.words}")
    return report


def _tls(repeats: int) -> Measured:
    """Return the delay with TLS. The meter trusts an authority of its own."""
    reports = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name:
            authority = Authority(Path(name))
            with (
                Mosquitto(Path(name), authority.settings("127.0.0.1")) as broker,
                MeterAtBroker((authority.line(), f"mqtt broker {broker.address}"), SPEED) as meter,
            ):
                _await_that(lambda broker=broker: f"as wattpurse-{METER_NUMBER}" in broker.log)
                time.sleep(1)
            reports.append(meter.report)
    late_ms = float(statistics.median_low(one["held_ms"] for one in reports))
    return {"mqtt_tls_late_ms": late_ms}, [_note("the handshake of TLS", reports)]


def _note(words: str, reports: list[dict]) -> str:
    held = " ".join(str(one["held_ms"]) for one in reports)
    late = " ".join(str(one["late_ms"]) for one in reports)
    return f"Late under {words}, ms: {held}; with the time of other programs: {late}."


def bytes_a_day() -> Measured:
    """Measure bytes_a_day_hourly and bytes_a_day_hourly_json."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(Path(folder)) as broker,
        FaultProxy(broker.port) as proxy,
        Broker(Access(broker.address)) as client,
    ):
        client.subscribe(_topic("#"))
        bench = Bench(broker, proxy, client)
        with MeterAtBroker((f"mqtt broker {proxy.address}", "mqtt every 60"), DAY_SPEED):
            bench.await_message(mqtt.LINK, mqtt.ONLINE)
            bench.send_token(_CREDIT_MICROUNITS)
            bench.await_message(mqtt.RECEIPT)
            for _ in range(2):  # the token and the closing switch bring statements of their own
                bench.await_message(mqtt.STATEMENT, limit_s=_HOUR_LIMIT_S)
            begun, connections = proxy.carried, proxy.connections
            payloads = [bench.await_message(mqtt.STATEMENT, limit_s=_HOUR_LIMIT_S) for _ in range(HOURS)]
            carried = proxy.carried - begun
        if proxy.connections != connections:
            raise ValueError("the connection ended during the measurement: the computer is too busy")
    extra = sum(len(_json(payload)) - len(payload) for payload in payloads)
    days = HOURS / 24
    sizes = " ".join(str(len(payload)) for payload in payloads)
    note = f"Sealed statements, bytes: {sizes}; as JSON: {' '.join(str(len(_json(one))) for one in payloads)}."
    return {"bytes_a_day_hourly": carried / days, "bytes_a_day_hourly_json": (carried + extra) / days}, [note]


def _json(payload: bytes) -> bytes:
    """Return the content of a sealed statement as JSON."""
    number, sealed = mqtt.unwrap_statement(payload)
    identity = carrier.statement_identity(carrier.MQTT, number)
    pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), identity)
    return json.dumps(statement.open_statement(aes, pair, sealed), separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> str:
    """Return a value that JSON has no type for: bytes in hex."""
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


def _await_that(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raise TimeoutError if it does not come."""
    end_s = time.monotonic() + _LIMIT_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError("the meter does not connect")
        time.sleep(0.02)


def _topic(name: str) -> str:
    return mqtt.topic(METER_NUMBER, name)
