"""Wiring of the meter on a Raspberry Pi Pico or Pico W: the table that `make pins` prints and the code uses.

The board itself uses GP23, GP24, GP25 and GP29 (on the Pico W, for its radio). After a reset every pin is an input with
a resistor to ground of about 60 kOhm, so that both coils have no current until the meter decides.

The RC522 and DS3231 modules take 3.3 V from pin 36 and ground from pin 38, the TM1637 module 5 V behind a level
shifter. The coils need the driver of docs/hardware/circuit.md, which lets neither both coils nor a long pulse pass. Tie
a tamper input (cover, magnet, reverse_flow) that has no sensor to ground. An open input reads as tampering, which has
no effect only while its term of supply (tamper_cover, tamper_magnet, tamper_reverse) is 0. Tie power_fail to ground too
where nothing watches the mains: an open one reads as a failure, which switches nothing only while the term
open_on_power_fail is 0. The expander of a keypad is on rtc_data and rtc_clock: see docs/keypad.md.

The first column has the signal names, the second the GPIO numbers, the notes the pins of the board.
"""

# signal, GPIO, direction as the board sees it, part and its terminal, note
WIRING = (
    ("pulse", 15, "in", "meter's pulse output, behind its filter", "pin 20; own pull-up; PWM slice 7; rising edge"),
    ("open_coil", 10, "out", "load switch driver, opening coil", "pin 14; 1: current flows"),
    ("close_coil", 11, "out", "load switch driver, closing coil", "pin 15; 1: current flows"),
    ("reader_miso", 16, "in", "RC522 module, MISO", "pin 21; SPI 0"),
    ("reader_select", 17, "out", "RC522 module, SDA", "pin 22; the module's name for its chip select"),
    ("reader_clock", 18, "out", "RC522 module, SCK", "pin 24; SPI 0"),
    ("reader_mosi", 19, "out", "RC522 module, MOSI", "pin 25; SPI 0"),
    ("reader_reset", 20, "out", "RC522 module, RST", "pin 26"),
    ("reader_irq", 21, "in", "RC522 module, IRQ", "pin 27; needed: without it no card is seen"),
    ("rtc_data", 4, "both", "DS3231 module, SDA", "pin 6; I2C 0; pull-up on the module"),
    ("rtc_clock", 5, "both", "DS3231 module, SCL", "pin 7; I2C 0; pull-up on the module"),
    ("display_clock", 2, "both", "TM1637 module, CLK", "pin 4; open drain; pull-up to 3.3 V, not to 5 V"),
    ("display_data", 3, "both", "TM1637 module, DIO", "pin 5; open drain; pull-up to 3.3 V, not to 5 V"),
    ("button", 6, "in", "push button to ground", "pin 9; the chip's own pull-up"),
    ("buzzer", 7, "out", "active buzzer, by a transistor", "pin 10; 1: sounds"),
    ("cover", 8, "in", "cover switch to ground, closed by the cover", "pin 11; the chip's own pull-up"),
    ("magnet", 9, "in", "reed contact to ground, opened by a magnet", "pin 12; the chip's own pull-up"),
    ("reverse_flow", 12, "in", "meter's output for reverse flow", "pin 16; 1: flows backwards; the chip's own pull-up"),
    (
        "power_fail",
        22,
        "in",
        "mains watch, held to ground while mains are good",
        "pin 29; 1: failed; the chip's own pull-up",
    ),
)

# The end of `sys.implementation._machine`. Another chip has other pins by these numbers.
CHIP = "RP2040"

# The same for clamps, in the order in which the converter reads them: see docs/ct.md. Two legs need all four inputs,
# and a board that brings out GP29. One leg needs the first two. The image must be one for clamps.
CLAMP_WIRING = (
    ("current_1", 26, "in", "burden of the clamp on L1", "pin 31; ADC0; rests at 1.64 V, with dither"),
    ("voltage_1", 27, "in", "divider of L1", "pin 32; ADC1; rests at 1.50 V"),
    ("current_2", 28, "in", "burden of the clamp on L2", "pin 34; ADC2; rests at 1.64 V, with dither"),
    ("voltage_2", 29, "in", "divider of L2", "not on a Pico; ADC3; rests at 1.50 V"),
)

# The same for a readout head, or a second serial line: see docs/readout.md.
READOUT_WIRING = (
    ("readout_send", 0, "out", "transmitter of the readout head", "pin 1; UART 0 TX; rests at 1"),
    ("readout_receive", 1, "in", "receiver of the readout head", "pin 2; UART 0 RX; needs 10 kOhm to 3.3 V"),
)

# The same for a modem: see docs/network.md. The image must be one for the network. Only UART 0 has free pins, so a
# meter has a modem or a readout head.
MODEM_WIRING = (
    ("modem_tx", 0, "out", "modem's RX, at 3.3 V", "pin 1; UART 0"),
    ("modem_rx", 1, "in", "modem's TX, at 3.3 V", "pin 2; UART 0"),
)

# The same for the RS-485 transceiver of a line to a room reader, in place of the RC522 module: see docs/room-reader.md.
ROOM_WIRING = (
    ("room_send", 20, "out", "RS-485 transceiver, DI", "pin 26; UART 1 TX; in place of reader_reset"),
    ("room_receive", 21, "in", "RS-485 transceiver, RO", "pin 27; UART 1 RX; in place of reader_irq"),
    ("room_drive", 19, "out", "RS-485 transceiver, DE and RE", "pin 25; 1: sends; in place of reader_mosi"),
)

GPIO = {row[0]: row[1] for row in WIRING}

# The position, counted from the left, of the digit at each address of the display's chip: see drivers/led_display.py.
# `display order` at the console changes it for one meter.
DISPLAY_ORDER = (2, 1, 0, 5, 4, 3)
