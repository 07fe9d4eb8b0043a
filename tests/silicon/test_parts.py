"""Parts in Python at the pins of the emulated chip, among them the chip models of the simulated board."""

import pytest

from boards.host.chips.display import DisplayModel
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.relay import RelayModel
from boards.host.chips.rtc import RtcModel
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.parts import EmulatedWire, I2cRegisterParts, SpiPart
from wattpurse_tools.emulation.repl import RawRepl


@pytest.fixture
def repl(pico):
    repl = RawRepl(pico)
    repl.execute("from machine import Pin, SPI, I2C\nimport time")
    return repl


class Doubler:
    """An SPI part that answers with twice the byte before."""

    def __init__(self):
        self.heard = []

    def exchange(self, byte):
        answer = self.heard[-1] * 2 & 0xFF if self.heard else 0
        self.heard.append(byte)
        return answer


def test_spi_bytes_go_both_ways(pico, repl):
    part = Doubler()
    pico.attach_spi(0, part)
    repl.execute("spi = SPI(0, baudrate=1_000_000, sck=Pin(18), mosi=Pin(19), miso=Pin(16))\nanswer = bytearray(5)")
    repl.execute("spi.write_readinto(b'\\x01\\x02\\x03\\x81\\x05', answer)")
    assert part.heard == [1, 2, 3, 0x81, 5]
    assert repl.execute("print(answer.hex())") == "000204060" + "2\n"


def test_spi_takes_the_time_of_its_bits(pico, repl):
    moments = []

    class Listener:
        def exchange(self, byte):
            moments.append(pico.clock.now_ns)
            return 0

    pico.attach_spi(0, Listener())
    repl.execute("spi = SPI(0, baudrate=1_000_000, sck=Pin(18), mosi=Pin(19), miso=Pin(16))\nspi.write(bytes(64))")
    assert len(moments) == 64
    assert 63 * 8000 <= moments[-1] - moments[0] < 63 * 9000


def test_a_part_answers_an_edge_before_the_next_instruction(pico, repl):
    edges = []

    def mirror(drive):
        edges.append((drive, pico.now_us))
        pico.pins[15].drive(1 - drive if drive is not None else None)

    pico.pins[14].watch(mirror)
    out = "out = Pin(14, Pin.OUT)\nback = Pin(15, Pin.IN)\n"
    printed = repl.execute(out + "for level in (0, 1, 0, 1): out(level); print(back(), end='')")
    assert printed == "1010"
    assert [level for level, _ in edges] == [0, 1, 0, 1]
    assert edges == sorted(edges, key=lambda edge: edge[1])


def test_posted_edges_arrive_in_order_with_their_times(pico, repl):
    edges = []
    pico.pins[14].watch(lambda drive: edges.append((drive, pico.now_us)), waits=False)
    repl.execute("out = Pin(14, Pin.OUT)\nfor i in range(10): out(i & 1); time.sleep_ms(10)")
    levels, times = zip(*edges, strict=True)
    assert levels == (0, 1) * 5
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert all(10_000 <= gap < 10_500 for gap in gaps)


def test_an_open_drain_line_is_low_while_anyone_pulls_it(pico, repl):
    pico.pins[3].resistor(1)
    repl.execute("line = Pin(3, Pin.OPEN_DRAIN, value=1)")
    read = "print(line())"
    assert repl.execute(read) == "1\n"
    pico.pins[3].drive(0)
    assert repl.execute(read) == "0\n"
    repl.execute("line(0)")
    pico.pins[3].drive(None)
    assert repl.execute(read) == "0\n"
    assert repl.execute("line(1)\n" + read) == "1\n"
    assert pico.faults == []


def test_driving_against_the_chip_is_reported(pico, repl):
    repl.execute("out = Pin(3, Pin.OUT, value=1)")
    pico.pins[3].drive(0)
    pico.run_ms(1)
    assert pico.faults == ["GPIO3 is driven high and low at once"]


def test_a_planned_event_interrupts_at_its_time(pico, repl):
    repl.execute("fired = []\npin = Pin(2, Pin.IN)\npin.irq(lambda _: fired.append(time.ticks_us()), Pin.IRQ_RISING)")
    now = int(repl.execute("print(time.ticks_us())"))
    offset_us = pico.now_us - now
    moments_us = [pico.now_us + 30_000, pico.now_us + 70_000]
    for moment_us in moments_us:
        pico.clock.call_at_us(moment_us, lambda: pico.pins[2].drive(1))
        pico.clock.call_at_us(moment_us + 1000, lambda: pico.pins[2].drive(0))
    pico.run_ms(100)
    fired = eval(repl.execute("print(fired)"))
    assert len(fired) == 2
    for moment_us, seen_us in zip(moments_us, fired, strict=True):
        assert abs(seen_us + offset_us - moment_us) < 1500
    assert abs((fired[1] - fired[0]) - 40_000) <= 50


def test_the_analogue_input_reads_what_is_set(pico, repl):
    pico.set_adc(1, 1000)
    assert int(repl.execute("from machine import ADC\nprint(ADC(27).read_u16() >> 4)")) == 1000


def test_the_card_reader_model_serves_the_chip(pico, repl):
    reader = Mfrc522Model(pico.clock)
    EmulatedWire(pico, 17).listen(reader.select)
    pico.attach_spi(0, SpiPart(reader.spi))
    repl.execute("spi = SPI(0, baudrate=4_000_000, sck=Pin(18), mosi=Pin(19), miso=Pin(16))\nselect = Pin(17, Pin.OUT)")
    repl.execute("answer = bytearray(2)\nselect(0)\nspi.write_readinto(b'\\xee\\x00', answer)\nselect(1)")
    assert repl.execute("print(hex(answer[1]))") == "0x92\n"
    assert reader.violations == []


def test_the_display_model_is_driven_by_the_frozen_driver(tmp_path, meter_image):
    with EmulatedPico(tmp_path / "flash.bin", meter_image) as pico:
        display = DisplayModel(EmulatedWire(pico, 6), EmulatedWire(pico, 7), pico.clock)
        pico.power_on()
        repl = RawRepl(pico)
        repl.execute("from machine import Pin\nimport time\nfrom wattpurse.drivers.led_display import LedDisplay")
        repl.execute("pins = [Pin(number, Pin.OPEN_DRAIN, value=1) for number in (6, 7)]")
        repl.execute("LedDisplay(*pins, time.sleep_us).show(bytes([0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D]))")
        assert display.segments() == bytes([0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D])
        assert display.violations == []
        assert pico.faults == []


def test_the_relay_model_follows_its_coils_and_the_end_of_the_supply(pico, repl):
    relay = RelayModel(pico.clock, EmulatedWire(pico, 10, pull=0), EmulatedWire(pico, 11, pull=0))
    repl.execute("coil = Pin(10, Pin.OUT)\ncoil(1)\ntime.sleep_ms(60)\ncoil(0)")
    assert not relay.contact_closed
    repl.execute("coil = Pin(11, Pin.OUT)\ncoil(1)\ntime.sleep_ms(20)")
    pico.cut_power()
    pico.run_ms(500)
    assert not relay.contact_closed
    assert relay.violations == []


def test_the_clock_chip_model_serves_the_chip(pico, repl):
    pico.attach_i2c(0, I2cRegisterParts({0x68: RtcModel(pico.clock, utc_s=1_700_000_000)}))
    repl.execute("i2c = I2C(0, sda=Pin(4), scl=Pin(5), freq=400_000)")
    assert repl.execute("print(i2c.readfrom_mem(0x68, 2, 5).hex())") == "2202141123\n"
    repl.execute("i2c.writeto_mem(0x68, 4, b'\\x15')")
    assert repl.execute("print(i2c.readfrom_mem(0x68, 4, 1).hex())") == "15\n"
    printed = repl.execute("try:\n    i2c.readfrom_mem(0x69, 0, 1)\nexcept OSError as error:\n    print(error)")
    assert printed == "[Errno 5] EIO\n"
