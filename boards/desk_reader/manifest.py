# The board's part of the frozen modules: its devices.
package(
    "boards",
    files=(
        "__init__.py",
        "desk_reader/__init__.py",
        "desk_reader/board.py",
        "desk_reader/pins.py",
        "micropython/__init__.py",
        "micropython/built_in_modules.py",
        "micropython/clock.py",
        "micropython/pin_signal.py",
        "micropython/reader_parts.py",
        "micropython/usb_line.py",
        "micropython/watchdog.py",
    ),
    base_path="../..",
    opt=3,
)
module("main.py", opt=3)
