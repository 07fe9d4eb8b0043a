"""The registers, the pin and the RTC memory that an ESP32 needs for counting, with the resets that they survive."""

CONFIGURATION, LIMITS, COUNT, CONTROL, INPUT = 0x3FF57000, 0x3FF57008, 0x3FF57060, 0x3FF570B0, 0x3FF441CC
PCNT_DEFAULTS = {CONFIGURATION: 0x3C10, LIMITS: 0, COUNT: 0, CONTROL: 0x5555}

INPUT_OF_NOTHING = 0x30


class Chip:
    """machine.mem32, machine.Pin, machine.RTC and esp32.PCNT of one ESP32. Registers read 0 without the clock."""

    def __init__(self):
        self.rtc_bytes = b"\xa5" * 3  # as a loss of power leaves it
        self.pulls = {}
        self.power_on()

    def power_on(self):
        """Clear PCNT, its clock and the matrix of pins."""
        self.registers = dict(PCNT_DEFAULTS)
        self.registers[INPUT] = INPUT_OF_NOTHING
        self.has_clock = False
        self.module_was_asked_for = False

    def reset_processors(self):
        """Forget the memory of ESP-IDF, as `esp_restart` and a panic do. PCNT and pins stay as they are."""
        self.module_was_asked_for = False

    def soft_reset(self):
        """Clear the units that MicroPython knows: unit 0 is not one of them (esp32_pcnt_deinit_all)."""

    def ask_for_unit(self, number):
        """Reset the module at the first unit after a start, then clear that unit (`pcnt_unit_config`)."""
        if not self.module_was_asked_for:
            self.registers.update(PCNT_DEFAULTS)
            self.has_clock = self.module_was_asked_for = True
        if number == 0:
            raise AssertionError("MicroPython would stop and clear unit 0 in every soft reset")

    def rising_edges(self, count, gpio):
        """Count at the pin, as unit 0 is set up."""
        configuration, control = self.registers[CONFIGURATION], self.registers[CONTROL]
        is_filtered = configuration & 0x7FF == 0x7FF
        counts = self.has_clock and is_filtered and configuration >> 16 & 15 == 4 and not control & 3
        if counts and self.registers[INPUT] == gpio | 0x80:
            self.registers[COUNT] = (self.registers[COUNT] + count) % (self.registers[LIMITS] & 0xFFFF)

    def __getitem__(self, address):
        return self.registers[address] if self.has_clock or address == INPUT else 0

    def __setitem__(self, address, value):
        if address != INPUT and not self.has_clock:
            raise AssertionError("written without the clock of the module")
        if address == COUNT:
            raise AssertionError("the count can only be read")
        self.registers[address] = value
        if address == CONTROL and value & 1:
            self.registers[COUNT] = 0


def modules_of(chip):
    """Return the classes Pin, RTC and PCNT on this chip."""

    class Pin:
        IN, PULL_UP = 1, 2

        def __init__(self, gpio, mode, pull=None):
            chip.pulls[gpio] = pull

    class RTC:
        def memory(self, data=None):
            if data is None:
                return chip.rtc_bytes
            chip.rtc_bytes = bytes(data)

    class PCNT:
        def __init__(self, unit):
            chip.ask_for_unit(unit)

    return Pin, RTC, PCNT
