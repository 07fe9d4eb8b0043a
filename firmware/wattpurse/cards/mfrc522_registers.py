"""Registers and bits of the MFRC522 that the driver uses, by the names of the data sheet (clauses 9 and 10.3)."""

COMMAND = 0x01
COM_I_EN = 0x02
DIV_I_EN = 0x03
COM_IRQ = 0x04
ERROR = 0x06
STATUS2 = 0x08
FIFO_DATA = 0x09
FIFO_LEVEL = 0x0A
CONTROL = 0x0C
BIT_FRAMING = 0x0D
COLL = 0x0E
MODE = 0x11
TX_MODE = 0x12
RX_MODE = 0x13
TX_CONTROL = 0x14
TX_ASK = 0x15
RF_CFG = 0x26
T_MODE = 0x2A
T_PRESCALER = 0x2B
T_RELOAD_HIGH = 0x2C
T_RELOAD_LOW = 0x2D
VERSION = 0x37

IDLE = 0x00
TRANSCEIVE = 0x0C
MF_AUTHENT = 0x0E
POWER_DOWN = 0x10

RX_IRQ = 0x20
IDLE_IRQ = 0x10
TIMER_IRQ = 0x01
ALL_IRQ = 0x7F

ERROR_COLLISION = 0x08
ERROR_OTHER = 0xFF - ERROR_COLLISION  # CRC, parity, framing, FIFO overflow, temperature
RX_LAST_BITS = 0x07
CRYPTO1_ON = 0x08
START_SEND = 0x80
FLUSH = 0x80
CRC_ENABLED = 0x80
COLLISION_POSITION = 0x1F
COLLISION_POSITION_INVALID = 0x20

# Chips with the register set of the MFRC522: 1.0 and 2.0 of NXP, 0.0 of Philips, and the compatible FM17522 types.
VERSIONS = (0x91, 0x92, 0x90, 0x88, 0x89, 0xB2, 0x12)

# 13.56 MHz / (2 * 338 + 1): one timer tick is 49.9 us (clause 8.5).
PRESCALER = 338
TIMER_TICK_US = 50
T_MODE_VALUE = 0x80 | PRESCALER >> 8  # TAuto: starts when a frame has been sent, stops at the first bits received

CONFIGURATION = (
    (T_MODE, T_MODE_VALUE),
    (T_PRESCALER, PRESCALER & 0xFF),
    (TX_ASK, 0x40),  # Force100ASK, as ISO/IEC 14443 type A modulates
    (MODE, 0x3D),  # CRC preset 0x6363 (CRC_A); wait for the RF field before sending
    (RF_CFG, 0x60),  # receiver gain 43 dB
    (COLL, 0x00),  # bits after a collision are received as 0
    (COM_I_EN, 0x80 | RX_IRQ | IDLE_IRQ | TIMER_IRQ),  # IRqInv: the pin is low while an interrupt is pending
    (DIV_I_EN, 0x80),  # the pin is driven both ways
)
ANTENNA_ON = 0x83
ANTENNA_OFF = 0x80
