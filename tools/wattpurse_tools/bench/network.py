"""Figures of a meter at a broker: its image for the network on the emulated RP2040, a modem, slirp and mosquitto.

The bytes on the UART take their exact time at 115,200 baud. slirp and mosquitto run on this computer in real time, and
the board is slowed down to real time while it runs with them. So these figures differ a little from run to run, and a
computer that is slower than the emulated chip makes them wrong: `measure` notes by how much it fell behind.

recharge_to_coil_ms: a meter without credit has its load switch open. A token is published with QoS 1, and the figure is
the time to the first current in the closing coil: the longest of `RECHARGES`. The time counts from the moment before
the publication, at a step of the board of one millisecond.
heap_free_mqtt_kb: `gc.mem_free()` after a collection, in a meter that has been connected for some seconds. A probe runs
the meter, as in `loop`, and collects once a second.
idle_mqtt_percent: the share of a minute in which the core sleeps, connected to the broker, metering 1 kW, with display
and card reader at work.
image_network_kb: the image for the network less the meter's image from the same build.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from boards.pico.pins import MODEM_WIRING
from wattpurse import stores
from wattpurse.core.messages import mqtt
from wattpurse.core.records import network_settings
from wattpurse.core.records.settings import Settings
from wattpurse_tools.bench.loop import METER
from wattpurse_tools.bench.meter import METER_NUMBER, BenchMeter, Measured, Workshop
from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.modem import HOST_ADDRESS, PacedModem
from wattpurse_tools.emulation.ring import RING_BYTES, RING_OFFSET, ring_flash

RECHARGES = 5
HOUSE_W = 1_000

_UART = 0
_CONNECT_S = 40
_SETTLE_S = 5
_IDLE_S = 60
_CLOSE_LIMIT_S = 10
_OPEN_LIMIT_S = 60
_CREDIT_MICROUNITS = 2_000
_AMPS_20_W = 4_600
_PHASE_S = 0.37

_HEAP = f"""{METER}
free = [0]
async def main():
    asyncio.create_task(Meter(build_board()).run())
    while True:
        await asyncio.sleep_ms(1000)
        gc.collect()
        free[0] = gc.mem_free()
asyncio.run(main())
"""


class MeterAtBroker:
    """A meter with a modem, its settings naming the broker, and a station at the same broker."""

    def __init__(self, meter: BenchMeter, modem: PacedModem, broker: Mosquitto) -> None:
        self.meter = meter
        self.modem = modem
        self.heard: list[str] = []
        self._station = paho.Client(CallbackAPIVersion.VERSION2)
        self._station.on_message = lambda _client, _data, message: self.heard.append(message.topic.rpartition("/")[2])
        self._station.connect("127.0.0.1", broker.port)
        self._station.subscribe(mqtt.topic(METER_NUMBER, "#"), qos=1)
        self._station.loop_start()

    def close(self) -> None:
        """Leave the broker."""
        self._station.disconnect()
        self._station.loop_stop()

    def await_connection(self) -> None:
        """Run until the meter's first statement is at the broker. Raise TimeoutError if it does not come."""
        if not self.modem.run_until(lambda: mqtt.STATEMENT in self.heard, _CONNECT_S):
            raise TimeoutError(f"the meter did not reach the broker: {self.meter.type_line('mqtt')}")

    def publish(self, token: bytes) -> None:
        """Send a token to the meter, with QoS 1."""
        self._station.publish(mqtt.topic(METER_NUMBER, mqtt.TOKEN), token, qos=1)

    def recharge_ms(self, amount_microunits: int) -> float:
        """Return the time from a publication to the current in the closing coil. Raise TimeoutError if none flows."""
        meter = self.meter
        if not self.modem.run_until(lambda: not meter.relay.contact_closed, _OPEN_LIMIT_S):
            raise TimeoutError("the switch does not open")
        self.modem.run_for(_SETTLE_S)
        edges_us: list[int] = []
        meter.close_coil_wire.listen(lambda level: edges_us.append(meter.clock.now_us) if level else None)
        token, begun_us = meter.token(amount_microunits), meter.clock.now_us
        self.publish(token)
        if not self.modem.run_until(lambda: edges_us, _CLOSE_LIMIT_S):
            raise TimeoutError("the switch does not close")
        return (edges_us[0] - begun_us) / 1000


@contextlib.contextmanager
def meter_at_broker(workshop: Workshop, name: str, balance_microunits: int) -> Iterator[MeterAtBroker]:
    """Provide a meter whose supply is off, with a modem and a broker."""
    tx, rx = (row[1] for row in MODEM_WIRING)
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(Path(folder)) as broker,
        workshop.meter(name, balance_microunits=balance_microunits) as meter,
        PacedModem(meter.pico, _UART, tx, rx) as modem,
        contextlib.closing(MeterAtBroker(meter, modem, broker)) as at_broker,
    ):
        _name_broker(meter, broker)
        yield at_broker


def _name_broker(meter: BenchMeter, broker: Mosquitto) -> None:
    flash = ring_flash(meter.pico.read_flash(RING_OFFSET, RING_BYTES))
    settings = Settings(flash, *stores.SETTINGS_RING)
    settings.open()
    modem = network_settings.ModemSettings("meters.example").pack()
    address = f"{HOST_ADDRESS}:{broker.port}".encode()
    settings.set_all((("link", network_settings.MODEM), ("modem", modem), ("mqtt_broker", address)))
    meter.pico.write_flash(RING_OFFSET, bytes(flash.memory))


def recharges(workshop: Workshop) -> Measured:
    """Measure recharge_to_coil_ms."""
    with meter_at_broker(workshop, "recharge", _CREDIT_MICROUNITS) as at_broker:
        at_broker.meter.source.set_load_w(_AMPS_20_W)
        at_broker.meter.start()
        at_broker.await_connection()
        begun_s, begun_us = time.monotonic(), at_broker.meter.clock.now_us
        took_ms = []
        for number in range(RECHARGES):
            at_broker.modem.run_for(number * _PHASE_S)
            took_ms.append(at_broker.recharge_ms(_CREDIT_MICROUNITS))
        behind_s = time.monotonic() - begun_s - (at_broker.meter.clock.now_us - begun_us) / 1e6
    line = f"Recharges, ms: {' '.join(f'{one:.0f}' for one in took_ms)}; the board fell {behind_s:.1f} s behind."
    return {"recharge_to_coil_ms": max(took_ms)}, [line]


def idle(workshop: Workshop) -> Measured:
    """Measure idle_mqtt_percent."""
    with meter_at_broker(workshop, "idle-mqtt", 1_000_000_000) as at_broker:
        meter = at_broker.meter
        meter.source.set_load_w(HOUSE_W)
        meter.start()
        at_broker.await_connection()
        at_broker.modem.run_for(_SETTLE_S)
        before, begun_us = meter.pico.statistics()["idle_ns"], meter.clock.now_us
        at_broker.modem.run_for(_IDLE_S)
        asleep_us = (meter.pico.statistics()["idle_ns"] - before) / 1000
        return {"idle_mqtt_percent": 100 * asleep_us / (meter.clock.now_us - begun_us)}, []


def heap(workshop: Workshop) -> Measured:
    """Measure heap_free_mqtt_kb."""
    with meter_at_broker(workshop, "heap-mqtt", 1_000_000_000) as at_broker:
        meter = at_broker.meter
        meter.start()
        meter.begin_probe(_HEAP)
        at_broker.await_connection()
        at_broker.modem.run_for(_SETTLE_S)
        free = meter.end_probe("free[0]")
    return {"heap_free_mqtt_kb": free / 1024}, []


# Each measurement with the figures that it gives.
MEASUREMENTS = (
    (recharges, ("recharge_to_coil_ms",)),
    (idle, ("idle_mqtt_percent",)),
    (heap, ("heap_free_mqtt_kb",)),
)
NAMES = {"image_network_kb", *(name for _, names in MEASUREMENTS for name in names)}


def measure(wanted: set[str], meter_image: Path) -> Iterator[Measured]:
    """Yield the values of the figures in `wanted`, or of all if it is empty, one measurement after the other."""
    image = build_image("--network") / PROGRAM
    yield {"image_network_kb": (image.stat().st_size - meter_image.stat().st_size) / 1024}, []
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), image)
        for one, names in MEASUREMENTS:
            if not wanted or wanted & set(names):
                yield one(workshop)
