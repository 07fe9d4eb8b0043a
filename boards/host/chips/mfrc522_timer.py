"""The timer of the MFRC522 model (clause 8.5): a prescaler, a 16-bit reload value, an interrupt at zero."""

from boards.host.chips import mfrc522_registers as regs

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.mfrc522 import Mfrc522Model


class Timer:
    """Counts down in virtual time."""

    def __init__(self, chip: "Mfrc522Model") -> None:
        self._chip = chip
        self._epoch = 0
        self._end_us: int | None = None

    def start(self) -> None:
        """Count down from the reload value."""
        registers = self._chip.registers
        reload_value = registers[regs.T_RELOAD_HIGH] << 8 | registers[regs.T_RELOAD_LOW]
        now_us = self._chip.clock.now_us
        self._epoch += 1
        epoch = self._epoch
        self._end_us = now_us + (reload_value + 1) * self._tick_ns() // 1000
        self._chip.clock.call_at_us(self._end_us, lambda: self._expired(epoch))

    def stop(self) -> None:
        """Stop counting, without an interrupt."""
        self._epoch += 1
        self._end_us = None

    def is_running(self) -> bool:
        """Return TRunning."""
        return self._end_us is not None

    def count(self) -> int:
        """Return TCounterVal."""
        if self._end_us is None:
            return 0
        return (self._end_us - self._chip.clock.now_us) * 1000 // self._tick_ns() & 0xFFFF

    def _tick_ns(self) -> int:
        registers = self._chip.registers
        prescaler = (registers[regs.T_MODE] & 0x0F) << 8 | registers[regs.T_PRESCALER]
        return (2 * prescaler + 1) * 100000 // 1356

    def _expired(self, epoch: int) -> None:
        if epoch != self._epoch:
            return
        self._end_us = None
        if self._chip.registers[regs.T_MODE] & regs.T_AUTO_RESTART:
            self.start()
        self._chip.raise_irq(regs.IRQ_TIMER)
