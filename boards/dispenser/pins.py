"""Wiring of a dispensing unit on a Raspberry Pi Pico: the table that `make pins` prints and the code uses.

The RC522 module takes 3.3 V from pin 36. The display needs 5 V, and its PCF8574 module pulls both lines up to that: a
level shifter stands between it and the Pico, which bears 3.3 V alone. Rows and columns of the keypad need no parts.

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
    ("lcd_data", 4, "both", "level shifter to the PCF8574 module, SDA", "pin 6; I2C 0; pull-up to 3.3 V"),
    ("lcd_clock", 5, "both", "level shifter to the PCF8574 module, SCL", "pin 7; I2C 0; pull-up to 3.3 V"),
    ("keypad_row_1", 6, "both", "keypad, row 1 2 3", "pin 9; open drain"),
    ("keypad_row_2", 7, "both", "keypad, row 4 5 6", "pin 10; open drain"),
    ("keypad_row_3", 8, "both", "keypad, row 7 8 9", "pin 11; open drain"),
    ("keypad_row_4", 9, "both", "keypad, row * 0 #", "pin 12; open drain"),
    ("keypad_column_1", 10, "in", "keypad, column 1 4 7 *", "pin 14; the chip's own pull-up"),
    ("keypad_column_2", 11, "in", "keypad, column 2 5 8 0", "pin 15; the chip's own pull-up"),
    ("keypad_column_3", 12, "in", "keypad, column 3 6 9 #", "pin 16; the chip's own pull-up"),
)

# The end of `sys.implementation._machine`. Another chip has other pins by these numbers.
CHIP = "RP2040"

GPIO = {row[0]: row[1] for row in WIRING}
