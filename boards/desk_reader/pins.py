"""Wiring of the desk reader on a Raspberry Pi Pico: the table that `make pins` prints and the code uses.

The RC522 module has the pins that it has on a meter. It takes 3.3 V from pin 36 and ground from pin 38. The USB cable
brings the supply and carries the frames. The status LED is the one on the board; a Pico W has it at its radio, and
shows nothing.

The first column has the signal names, the second the GPIO numbers, the notes the pins of the board.
"""

# signal, GPIO, direction as the board sees it, part and its terminal, note
WIRING = (
    ("reader_miso", 16, "in", "RC522 module, MISO", "pin 21; SPI 0"),
    ("reader_select", 17, "out", "RC522 module, SDA", "pin 22; the module's name for its chip select"),
    ("reader_clock", 18, "out", "RC522 module, SCK", "pin 24; SPI 0"),
    ("reader_mosi", 19, "out", "RC522 module, MOSI", "pin 25; SPI 0"),
    ("reader_reset", 20, "out", "RC522 module, RST", "pin 26"),
    ("reader_irq", 21, "in", "RC522 module, IRQ", "pin 27; needed: without it no card is seen"),
    ("led", 25, "out", "status LED", "on the board; 1: lit"),
)

# The end of `sys.implementation._machine`. Another chip has other pins by these numbers.
CHIP = "RP2040"

GPIO = {row[0]: row[1] for row in WIRING}
