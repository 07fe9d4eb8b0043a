"""Wiring of the meter on an ESP32 board with 4 MB of flash: the table that `make pins` prints and the code uses.

Pins that are left free: 0, 2 and 12 decide how the chip starts, 1 and 3 are the console, 6 to 11 are the flash, 16 and
17 the PSRAM of some modules. The chip also reads 5 and 15 at its start: 5 only for a bus that is not used here, and 15
only for the messages of its boot loader, which need the level that an idle select line has. The coils are on pins that
the chip's start leaves alone.

34 to 39 can only be inputs, and have no resistor of the chip. Each of them needs one outside, which the notes name. The
pulse input is on a pin that pulls: a cable that comes loose reads as a steady 1, and counts nothing.

The RC522 and DS3231 modules take 3.3 V and ground from the board, the TM1637 module 5 V behind a level shifter. The
coils need the driver of docs/hardware/circuit.md, which lets neither both coils nor a long pulse pass. Tie a tamper
input (cover, magnet, reverse_flow) that has no sensor to ground. An open input may read as tampering, which has no
effect only while its term of supply (tamper_cover, tamper_magnet, tamper_reverse) is 0. Tie power_fail to ground too
where nothing watches the mains: an open one reads as a failure, which switches nothing only while the term
open_on_power_fail is 0. With a metering chip, its CF1 is the pulse input, and reverse_flow is not used. The expander of
a keypad is on rtc_data and rtc_clock: see docs/keypad.md.
"""

# signal, GPIO, direction as the board sees it, part and its terminal, note
WIRING = (
    ("pulse", 4, "in", "meter's pulse output, behind its filter", "own pull-up; counted by PCNT unit 0; rising edge"),
    ("open_coil", 32, "out", "load switch driver, opening coil", "1: current flows"),
    ("close_coil", 33, "out", "load switch driver, closing coil", "1: current flows"),
    ("reader_miso", 19, "in", "RC522 module, MISO", "SPI 2"),
    ("reader_select", 15, "out", "RC522 module, SDA", "the module's name for its chip select"),
    ("reader_clock", 18, "out", "RC522 module, SCK", "SPI 2"),
    ("reader_mosi", 23, "out", "RC522 module, MOSI", "SPI 2"),
    ("reader_reset", 14, "out", "RC522 module, RST", ""),
    ("reader_irq", 35, "in", "RC522 module, IRQ", "needed: without it no card is seen; needs 10 kOhm to 3.3 V"),
    ("rtc_data", 21, "both", "DS3231 module, SDA", "I2C 0; pull-up on the module"),
    ("rtc_clock", 22, "both", "DS3231 module, SCL", "I2C 0; pull-up on the module"),
    ("display_clock", 25, "both", "TM1637 module, CLK", "open drain; pull-up to 3.3 V, not to 5 V"),
    ("display_data", 26, "both", "TM1637 module, DIO", "open drain; pull-up to 3.3 V, not to 5 V"),
    ("button", 13, "in", "push button to ground", "the chip's own pull-up"),
    ("buzzer", 27, "out", "active buzzer, by a transistor", "1: sounds"),
    ("cover", 5, "in", "cover switch to ground, closed by the cover", "the chip's own pull-up"),
    ("magnet", 36, "in", "reed contact to ground, opened by a magnet", "needs 10 kOhm to 3.3 V"),
    ("reverse_flow", 39, "in", "meter's output for reverse flow", "1: flows backwards; needs 10 kOhm to 3.3 V"),
    ("power_fail", 34, "in", "mains watch, held to ground while mains are good", "1: failed; needs 10 kOhm to 3.3 V"),
)

# The end of `sys.implementation._machine`. Another chip has other pins by these numbers.
CHIP = "ESP32"

# The same for a metering chip: see docs/ct.md. Its chip select needs a pull-up. The start of the ESP32 needs 0 high
# and 2 open, and the chip leaves its output open until it is selected. A module with PSRAM has no room for the chip.
METERING_CHIP_WIRING = (
    ("metering_clock", 16, "out", "ATM90E32AS, SCLK", "SPI 1, mode 3; not on a module with PSRAM"),
    ("metering_mosi", 17, "out", "ATM90E32AS, SDI", "SPI 1"),
    ("metering_miso", 2, "in", "ATM90E32AS, SDO", "SPI 1"),
    ("metering_select", 0, "out", "ATM90E32AS, CS", "needs 10 kOhm to 3.3 V"),
)

# The same for a readout head, or a second serial line: see docs/readout.md. A metering chip has these pins for itself,
# and so has the PSRAM of some modules: then there is no room for a head.
READOUT_WIRING = (
    ("readout_send", 17, "out", "transmitter of the readout head", "UART 2 TX; rests at 1; not with a metering chip"),
    ("readout_receive", 16, "in", "receiver of the readout head", "UART 2 RX; needs 10 kOhm to 3.3 V"),
)

# The same for a modem: see docs/network.md. It has pins of the metering chip and of the readout head, so a meter has
# one of the three.
MODEM_WIRING = (
    ("modem_tx", 17, "out", "modem's RX, at 3.3 V", "UART 2; not on a module with PSRAM"),
    ("modem_rx", 16, "in", "modem's TX, at 3.3 V", "UART 2; not on a module with PSRAM"),
)

GPIO = {row[0]: row[1] for row in WIRING}
METERING_GPIO = {row[0]: row[1] for row in METERING_CHIP_WIRING}

# The position, counted from the left, of the digit at each address of the display's chip: see drivers/led_display.py.
# `display order` at the console changes it for one meter.
DISPLAY_ORDER = (2, 1, 0, 5, 4, 3)
