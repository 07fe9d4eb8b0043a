# Modules frozen into the image of every board. A board's own manifest includes this one.
import pathlib

# An import looks through the names of the image from its begin. The start imports neither console, clamps, keypad,
# readout head nor links: they come last, so that they cost it nothing.
CONSOLE = "services/console/"
CLAMPS = (
    "core/leg_energy.py",
    "drivers/atm90e32.py",
    "drivers/atm90e32_calibration.py",
    "drivers/chip_front_end.py",
    "drivers/clamp_calibration.py",
    "drivers/ct_calibration.py",
    "drivers/ct_front_end.py",
    "drivers/ct_kernel.py",
    "drivers/ct_readings.py",
    "drivers/viper_names.py",
    "services/clamps.py",
    "services/console/clamps.py",
    "services/metering_chip.py",
)
# The keypad, and the modules that the keypad shares with the console.
KEYPAD = (
    "core/messages/short_token.py",
    "drivers/keypad.py",
    "services/attempts.py",
    "services/digit_entry.py",
    "services/keypad.py",
)
READOUT = (
    "core/messages/readout.py",
    "core/records/readout_registers.py",
    "services/console/readout.py",
    "services/readout.py",
    "services/readout_password.py",
)
BLUETOOTH = (
    "core/messages/advertising.py",
    "core/messages/frames.py",
    "services/bluetooth.py",
)
# The meter's end of a reader on a board of its own.
ROOM = (
    "cards/linked_reader.py",
    "cards/reader_link.py",
    "cards/room_link.py",
    "cards/room_reader.py",
    "core/messages/reader_frames.py",
    "core/messages/reader_session.py",
    "core/messages/reader_steps.py",
    "core/messages/room.py",
    "core/seals/wire_seal.py",
    "drivers/room_panel.py",
    "services/console/room.py",
    "services/room.py",
)
READER_BOARD = [
    "drivers/room_digits.py",
    "services/reader_board.py",
    "services/reader_server.py",
    "services/room_board.py",
]
# Imported when the first such card is met.
SECURE_CARDS = (
    "cards/desfire.py",
    "cards/desfire_ev2.py",
    "cards/desfire_identity.py",
    "cards/desfire_key_card.py",
    "cards/desfire_session.py",
    "cards/iso_dep.py",
    "core/seals/desfire_keys.py",
    "services/secure_cards.py",
    "services/secure_imports.py",
)
WATTPURSE = pathlib.Path("firmware/wattpurse")
EVERY = sorted(path.relative_to(WATTPURSE).as_posix() for path in WATTPURSE.rglob("*.py"))
NETWORK = [name for name in EVERY if name.startswith("services/mqtt/")] + [
    "core/messages/mqtt.py",
    "core/records/network_settings.py",
    "services/console/mqtt.py",
    "services/console/network.py",
]

# The dispensing unit is no meter: its own image freezes these (boards/dispenser/image/manifest.py).
DISPENSER = [name for name in EVERY if name.startswith("dispenser/")]
DISPENSER += ["core/seals/dispenser_keys.py", "drivers/lcd_hd44780.py"]

# An image without TCP/IP, a radio or a room reader leaves out what only these use: a Pico has no room for that beside
# the next image.
options.defaults(network=False, bluetooth=False, room=False)
LEFT_OUT = READER_BOARD + DISPENSER
LEFT_OUT += ([] if options.network else NETWORK) + ([] if options.bluetooth else list(BLUETOOTH))
LEFT_OUT += [] if options.room else list(ROOM)
FILES = [name for name in EVERY if name not in LEFT_OUT]
LATE = CLAMPS + KEYPAD + READOUT + ROOM + BLUETOOTH + SECURE_CARDS + ("services/statement_numbers.py", *NETWORK)
EARLY = [name for name in FILES if name not in LATE and not name.startswith(CONSOLE)]

# `opt=3` leaves the line numbers out: a meter prints no traceback, and they would take the room of a feature.
package("wattpurse", files=EARLY, base_path="firmware", opt=3)
module("main.py", base_path="firmware", opt=3)
package("wattpurse", files=[name for name in FILES if name not in EARLY], base_path="firmware", opt=3)
if options.network:
    package("umqtt", base_path="build/umqtt")  # put there by tools/toolchain/umqtt
