// Faults of rp2040js 1.4.1 that matter here, each put right in one function. Look here first after an update of it.
//
// Two more are put right where the part in question is modelled: a pin does not read back what it drives (lines.js), and
// the USB host model answers every OUT request with an empty packet at once, a hundred thousand interrupts a second
// (usb-serial.js).

/** Put right everything below on a new RP2040. */
export function applyWorkarounds(rp2040, machine) {
  letPwmSeeItsInputs(rp2040.pwm);
  takeEdgesOnlyFromChanges(rp2040.gpio);
  keepPioInStep(rp2040.pio);
  wakeFromMaskedInterrupts(rp2040.core);
  giveRandomBits(rp2040, machine);
  protectFlashFromStores(rp2040, machine);
}

/** `gpioOnInput` says `direction && 1 << index` where `&` is meant, so that no slice ever counts an edge. */
function letPwmSeeItsInputs(pwm) {
  pwm.gpioOnInput = function (index) {
    if (this.gpioDirection & (1 << index)) return;
    for (const channel of this.channels) {
      if (channel.pinB1 === index || channel.pinB2 === index) channel.gpioBChanged();
    }
  };
}

/** `setInputValue` latches an edge interrupt even when the level stays as it was, as when a pad is configured. */
function takeEdgesOnlyFromChanges(pins) {
  const EDGES = 0b1100;
  for (const pin of pins) {
    const setInputValue = pin.setInputValue;
    let level = false;
    pin.setInputValue = function (value) {
      const before = this.irqStatus;
      setInputValue.call(this, value);
      const seen = value && this.inputEnable;
      if (seen === level) {
        this.irqStatus = (this.irqStatus & ~EDGES) | (before & EDGES);
        this.rp2040.updateIOInterrupt();
      }
      level = seen;
    };
  }
}

/** The state machines run on `setTimeout`, out of step with the core: `Machine` steps them with it instead. */
function keepPioInStep(pios) {
  for (const pio of pios) pio.run = () => {};
}

/** An interrupt masked by PRIMASK wakes the core from WFI but is not taken; the original takes it. */
function wakeFromMaskedInterrupts(core) {
  const checkForInterrupts = core.checkForInterrupts;
  core.checkForInterrupts = function () {
    if (this.waiting && this.PM) {
      if (this.pendingInterrupts & this.enabledInterrupts) this.waiting = false;
      return false;
    }
    return checkForInterrupts.call(this);
  };
}

/** The ring oscillator is not there, so its random bit is always one. */
function giveRandomBits(rp2040, machine) {
  const RANDOM_BIT = 0x1c;
  const STATUS = 0x18;
  const STABLE = 1 << 31;
  const oscillator = rp2040.peripherals[0x40060];
  oscillator.readUint32 = (offset) => (offset === RANDOM_BIT ? machine.random() & 1 : offset === STATUS ? STABLE : 0);
  oscillator.writeUint32 = () => {};
}

/** A store to the address range of the flash changes it in the original; the real bus answers with a fault. */
function protectFlashFromStores(rp2040, machine) {
  rp2040.flashView = new (class extends DataView {
    setUint32(offset) {
      machine.lockUp(`store to flash at 0x${offset.toString(16)}`);
    }
  })(rp2040.flash.buffer);
}
