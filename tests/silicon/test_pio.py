"""The state machines of the emulated chip follow their dividers and delays, in step with the core."""

from wattpurse_tools.emulation.repl import RawRepl

SQUARE_WAVE = """
import rp2
from machine import Pin
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def square():
    set(pins, 1) [31]
    set(pins, 0) [31]
machine = rp2.StateMachine(0, square, freq=64_000, set_base=Pin(2))
machine.active(1)
"""


def test_a_square_wave_has_its_frequency(pico):
    RawRepl(pico).execute(SQUARE_WAVE)
    before = pico.statistics()["rising_edges"]["2"]
    pico.run_ms(50)
    assert pico.statistics()["rising_edges"]["2"] - before == 50
