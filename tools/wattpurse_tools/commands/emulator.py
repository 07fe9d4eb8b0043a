"""Run a bare emulated board, its USB serial port on a pseudo-terminal, until interrupted.

    python3 -m wattpurse_tools.commands.emulator --image build/pico/stock-RPI_PICO/firmware.uf2 --flash build/pico.flash

The command prints the name of the pseudo-terminal. `mpremote connect NAME` talks to the board. The flash file is kept.
"""

import argparse
import contextlib
import sys

from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.terminal import SerialTerminal


def main(arguments: list[str] | None = None) -> int:
    """Serve the board until the user interrupts or the core locks up. Return 1 if the chip reported a fault."""
    parser = argparse.ArgumentParser(description="Run a bare emulated RP2040 board.")
    parser.add_argument("--flash", required=True, help="file of the flash; made if it is missing")
    parser.add_argument("--image", help="program to write into the flash first, .bin or .uf2")
    parser.add_argument("--pace", type=float, default=1.0, help="virtual seconds per real second, at most")
    options = parser.parse_args(arguments)
    with EmulatedPico(options.flash, options.image) as pico, SerialTerminal(pico, options.pace) as terminal:
        pico.power_on()
        print(f"mpremote connect {terminal.path}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            terminal.serve(until=lambda: pico.statistics()["locked_up"] is not None)
    for fault in pico.faults:
        print(fault, file=sys.stderr)
    return 1 if pico.faults else 0


if __name__ == "__main__":
    sys.exit(main())
