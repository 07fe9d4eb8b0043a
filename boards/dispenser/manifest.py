# The board's part of the frozen modules: its devices, on the flash of a Pico.
package(
    "boards",
    files=(
        "__init__.py",
        "dispenser/__init__.py",
        "dispenser/board.py",
        "dispenser/pins.py",
        "micropython/__init__.py",
        "micropython/block_flash.py",
        "micropython/clock.py",
        "micropython/console.py",
        "micropython/pin_signal.py",
        "micropython/reader_parts.py",
        "micropython/watchdog.py",
        "pico/__init__.py",
        "pico/flash.py",
        "pico/storage.py",
    ),
    base_path="../..",
    opt=3,
)
module("main.py", opt=3)
