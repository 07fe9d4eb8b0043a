# The board's part of the frozen modules: its devices.
package(
    "boards",
    files=(
        "__init__.py",
        "room_reader/__init__.py",
        "room_reader/board.py",
        "room_reader/pairing.py",
        "room_reader/pins.py",
        "micropython/__init__.py",
        "micropython/built_in_modules.py",
        "micropython/clock.py",
        "micropython/pin_signal.py",
        "micropython/reader_parts.py",
        "micropython/rs485.py",
        "micropython/watchdog.py",
    ),
    base_path="../..",
    opt=3,
)
module("main.py", opt=3)
