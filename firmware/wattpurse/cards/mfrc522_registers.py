"""Registers and bits of the MFRC522 that the driver uses, by the names of the data sheet (clauses 9 and 10.3)."""

from wattpurse.core.constant import const

COMMAND = const(0x01)
COM_I_EN = const(0x02)
DIV_I_EN = const(0x03)
COM_IRQ = const(0x04)
ERROR = const(0x06)
STATUS2 = const(0x08)
FIFO_DATA = const(0x09)
FIFO_LEVEL = const(0x0A)
CONTROL = const(0x0C)
BIT_FRAMING = const(0x0D)
COLL = const(0x0E)
MODE = const(0x11)
TX_MODE = const(0x12)
RX_MODE = const(0x13)
TX_CONTROL = const(0x14)
TX_ASK = const(0x15)
RF_CFG = const(0x26)
T_MODE = const(0x2A)
T_PRESCALER = const(0x2B)
T_RELOAD_HIGH = const(0x2C)
T_RELOAD_LOW = const(0x2D)
VERSION = const(0x37)

IDLE = const(0x00)
TRANSCEIVE = const(0x0C)
MF_AUTHENT = const(0x0E)
POWER_DOWN = const(0x10)

RX_IRQ = const(0x20)
IDLE_IRQ = const(0x10)
TIMER_IRQ = const(0x01)
ALL_IRQ = const(0x7F)

ERROR_COLLISION = const(0x08)
ERROR_OTHER = const(0xFF - ERROR_COLLISION)  # CRC, parity, framing, FIFO overflow, temperature
ERROR_OVERFLOW = const(0x10)
RX_LAST_BITS = const(0x07)
CRYPTO1_ON = const(0x08)
START_SEND = const(0x80)
FLUSH = const(0x80)
CRC_ENABLED = const(0x80)
VALUES_AFTER_COLLISION = const(0x80)
COLLISION_POSITION = const(0x1F)
COLLISION_POSITION_INVALID = const(0x20)

# 13.56 MHz / (2 * 338 + 1): one timer tick is 49.9 us (clause 8.5).
PRESCALER = const(338)
TIMER_TICK_US = const(50)

# register, value to set, and the bits of it that the chip has to keep; the other bits are reserved. The driver knows
# the places of the first five.
CONFIGURATION = (
    (TX_MODE, 0x00, 0xF8),  # 106 kbit/s; CRC_ENABLED is added for most frames
    (RX_MODE, 0x00, 0xFC),
    (T_RELOAD_HIGH, 0x00, 0xFF),
    (T_RELOAD_LOW, 0x00, 0xFF),
    (COLL, 0x00, 0x80),  # bits after a collision are received as 0
    (T_MODE, 0x80 | PRESCALER >> 8, 0xFF),  # TAuto: starts when a frame has been sent, stops at the first bits received
    (T_PRESCALER, PRESCALER & 0xFF, 0xFF),
    (TX_ASK, 0x40, 0x40),  # Force100ASK, as ISO/IEC 14443 type A modulates
    (MODE, 0x3D, 0xAB),  # CRC preset 0x6363 (CRC_A); wait for the RF field before sending
    (RF_CFG, 0x60, 0x70),  # receiver gain 43 dB
    (COM_I_EN, 0x80 | RX_IRQ | IDLE_IRQ | TIMER_IRQ, 0xFF),  # IRqInv: the pin is low while an interrupt is pending
    (DIV_I_EN, 0x80, 0x94),  # the pin is driven both ways
    (TX_CONTROL, 0x83, 0xFB),  # the field is on
)
# The registers that keep their reset values: FIFO alert, analog parts, serial speed, and tests.
LEFT_ALONE = (0x0B, 0x16, 0x17, 0x18, 0x19, 0x1C, 0x1D, 0x1F, 0x24, 0x27, 0x28, 0x29, 0x31, 0x32, 0x33, 0x36, 0x38)
