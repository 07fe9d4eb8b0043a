"""Wiring of the room reader on a Raspberry Pi Pico: the table that `make pins` prints and the code uses.

Reader, display, button and buzzer have the pins that they have on a meter. The modules take their supply as there: the
RC522 3.3 V from pin 36, the TM1637 5 V behind a level shifter. The board takes 5 V from the meter's cable at VSYS, pin
39. The RS-485 transceiver takes 3.3 V; its DE and RE are joined. See docs/room-reader.md.

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
    ("display_clock", 2, "both", "TM1637 module, CLK", "pin 4; open drain; pull-up to 3.3 V, not to 5 V"),
    ("display_data", 3, "both", "TM1637 module, DIO", "pin 5; open drain; pull-up to 3.3 V, not to 5 V"),
    ("button", 6, "in", "push button to ground", "pin 9; the chip's own pull-up"),
    ("buzzer", 7, "out", "active buzzer, by a transistor", "pin 10; 1: sounds"),
    ("line_send", 8, "out", "RS-485 transceiver, DI", "pin 11; UART 1 TX"),
    ("line_receive", 9, "in", "RS-485 transceiver, RO", "pin 12; UART 1 RX; needs 10 kOhm to 3.3 V"),
    ("line_drive", 10, "out", "RS-485 transceiver, DE and RE", "pin 14; 1: sends; 10 kOhm to ground"),
)

# The end of `sys.implementation._machine`. Another chip has other pins by these numbers.
CHIP = "RP2040"

LINE_UART = 1

GPIO = {row[0]: row[1] for row in WIRING}

# The position, counted from the left, of the digit at each address of the display's chip: see drivers/led_display.py.
DISPLAY_ORDER = (2, 1, 0, 5, 4, 3)
