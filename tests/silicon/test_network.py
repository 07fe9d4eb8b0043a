"""The image for the network on the emulated chip, with a modem on its UART and slirp behind it.

The board runs at the pace of real time here, because slirp does. So these tests are few, and claim no figures.
"""

import socket
import threading

import pytest

from boards.host.chips.modem import NO_SIM_ERROR
from boards.pico.pins import MODEM_WIRING
from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.meter import Workshop
from wattpurse_tools.bench.network import meter_at_broker
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.modem import HOST_ADDRESS, PacedModem
from wattpurse_tools.emulation.repl import RawRepl

END_OF_OUTPUT = b"\x04"
PREPARED = """
import asyncio, socket
from boards.micropython import network_link
from boards.micropython.clock import Clock
from wattpurse.core.records.network_settings import ModemSettings
port = network_link.ModemPort({uart}, {tx}, {rx}, 2048)
link = network_link.build(1, {{"modem": ModemSettings("meters.example").pack()}}, port, Clock())
def bring_up():
    asyncio.run(link.bring_up(30_000))
    print(link.is_up())
def echo(size):
    sent, got = bytes(range(251)) * (size // 251), bytearray()
    line = socket.socket()
    line.connect(("{host}", {port}))
    line.setblocking(False)
    left = memoryview(sent)
    while len(got) < len(sent):
        try:
            left = left[line.send(left):] if left else left
        except OSError: pass
        try:
            got += line.recv(512)
        except OSError: pass
    line.close()
    print(got == sent)
"""


@pytest.fixture(scope="session")
def network_image():
    """Return the image of the meter with TCP/IP."""
    return build_image("--network") / PROGRAM


@pytest.fixture
def echo_port():
    """Provide a port of this machine that sends all bytes back."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _serve(server):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)


class PacedRepl:
    """The raw REPL of a board that runs with a modem."""

    def __init__(self, pico, modem):
        self._repl = RawRepl(pico)
        self._received = pico.serial_received
        self._modem = modem

    def execute(self, code, limit_s=40):
        self._received.clear()
        self._repl.start(code)
        assert self._modem.run_until(lambda: self._received.count(END_OF_OUTPUT) == 2, limit_s), bytes(self._received)
        printed, error, _ = bytes(self._received).removeprefix(b"OK").split(END_OF_OUTPUT)
        return (printed + error).decode().replace("\r", "")


def test_the_chip_dials_talks_over_tcp_and_dials_anew_after_the_line_died(tmp_path, network_image, echo_port):
    with EmulatedPico(tmp_path / "flash.bin", network_image) as pico:
        pico.power_on()
        (tx, rx) = (row[1] for row in MODEM_WIRING)
        with PacedModem(pico, 0, tx, rx) as modem:
            repl = PacedRepl(pico, modem)
            repl.execute(PREPARED.format(uart=0, tx=tx, rx=rx, host=HOST_ADDRESS, port=echo_port))
            modem.model.sim = NO_SIM_ERROR
            assert "OSError: no SIM in the modem" in repl.execute("bring_up()")
            modem.model.sim = "READY"
            assert repl.execute("bring_up()") == "True\n"
            assert repl.execute("echo(251)\necho(16 * 251)") == "True\nTrue\n"
            modem.model.is_dead = True
            assert repl.execute("link.take_down()\nprint(link.is_up())\nbring_up()") == "False\nTrue\n"
            assert modem.model.commands.count("ATD*99#") == 2
            assert repl.execute("echo(4 * 251)") == "True\n"
        assert pico.faults == []


def test_a_token_at_the_broker_closes_the_switch_of_a_meter_behind_a_modem(tmp_path, network_image):
    workshop = Workshop(tmp_path, network_image)
    with meter_at_broker(workshop, "recharge", balance_microunits=1) as at_broker:
        meter = at_broker.meter
        meter.source.set_load_w(10_000)
        meter.start()
        at_broker.await_connection()
        assert meter.type_line("network")[0].split() == ["link", "modem"]
        assert at_broker.modem.run_until(lambda: not meter.relay.contact_closed, 30)
        at_broker.publish(meter.token())
        assert at_broker.modem.run_until(lambda: meter.relay.contact_closed, 20)
        assert at_broker.modem.run_until(lambda: mqtt.RECEIPT in at_broker.heard, 10)
        assert meter.violations() == []
