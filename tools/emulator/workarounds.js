// Faults of rp2040js 1.4.1 that matter here, each mended in one function. Read this first after an update of it.
//
// Other faults are mended in the model of the part: a pin does not read back its own level (lines.js); bytes on SPI
// and I2C take no time (buses.js); the USB host answers every OUT request with an empty packet at once, a hundred
// thousand interrupts a second (usb-serial.js); the UART asks for bytes to send without end, has no FIFO to send from, no
// receive time-out and no time on the wire (uart.js); the port of the flash has no chip behind it (flash-port.js); a watchdog
// that has fired fires again without end (machine.js); stores change the flash, and some carries and cycles are wrong
// (core.js).

/** Mend all faults below on a new RP2040. */
export function applyWorkarounds(rp2040, machine) {
  letPwmSeeItsInputs(rp2040.pwm);
  keepDisabledPwmStill(rp2040.pwm);
  emptyI2cAfterAbort(rp2040.i2c);
  takeEdgesOnlyFromChanges(rp2040.gpio);
  keepPioInStep(rp2040.pio);
  wakeFromMaskedInterrupts(rp2040.core);
  giveRandomBits(rp2040, machine);
  answerForTheSecondCore(rp2040);
  takeAdcChannelsInTurn(rp2040.adc);
}

/**
 * The setter of the active channel masks it with the place of the field, so that only channel 0 is read, and channel 0
 * is passed over after channel 4.
 */
function takeAdcChannelsInTurn(adc) {
  const CHANNEL_SHIFT = 12;
  const CHANNEL_MASK = 7;
  const ROUND_SHIFT = 16;
  const ROUND_MASK = 0x1f;
  Object.defineProperty(adc, "activeChannel", {
    get() {
      return (this.cs >> CHANNEL_SHIFT) & CHANNEL_MASK;
    },
    set(channel) {
      this.cs = (this.cs & ~(CHANNEL_MASK << CHANNEL_SHIFT)) | ((channel & CHANNEL_MASK) << CHANNEL_SHIFT);
    },
  });
  const completeADCRead = adc.completeADCRead;
  adc.completeADCRead = function (value, error) {
    const before = this.activeChannel;
    completeADCRead.call(this, value, error);
    const round = (this.cs >> ROUND_SHIFT) & ROUND_MASK;
    if (!round) return;
    let channel = before;
    do channel = (channel + 1) % this.numChannels;
    while (!(round & (1 << channel)));
    this.activeChannel = channel;
  };
}

/** `gpioOnInput` has `direction && 1 << index` in place of `&`, so no slice ever counts an edge. */
function letPwmSeeItsInputs(pwm) {
  pwm.gpioOnInput = function (index) {
    if (this.gpioDirection & (1 << index)) return;
    for (const channel of this.channels) {
      if (channel.pinB1 === index || channel.pinB2 === index) channel.gpioBChanged();
    }
  };
}

/** A write to the divider of a slice starts its counter, even if the slice is disabled or does not count the clock. */
function keepDisabledPwmStill(pwm) {
  const DIVIDER = 0x04;
  for (const channel of pwm.channels) {
    const writeRegister = channel.writeRegister;
    channel.writeRegister = function (offset, value) {
      writeRegister.call(this, offset, value);
      if (offset === DIVIDER) this.updateEnable();
    };
  }
}

/** An abort (no chip answers its address) flushes the queue without a report, so the program waits for ever. */
function emptyI2cAfterAbort(buses) {
  const TX_EMPTY = 1 << 4;
  for (const bus of buses) {
    const abort = bus.abort;
    bus.abort = function (reason) {
      abort.call(this, reason);
      this.setInterrupts(TX_EMPTY);
    };
  }
}

/** `setInputValue` latches an edge interrupt even if the level is unchanged, for instance at a change of the pad. */
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

/**
 * The state machines run on `setTimeout`, out of step with the core, without their delays and dividers. `Machine` calls
 * `advance`, which runs them for as many cycles as the core has taken.
 */
function keepPioInStep(pios) {
  for (const pio of pios) {
    const credits = pio.machines.map(() => 0);
    pio.run = () => {};
    pio.advance = function (cycles) {
      this.machines.forEach((machine, index) => {
        if (!machine.enabled) return;
        const divider = (machine.clockDivInt || 65536) + machine.clockDivFrac / 256;
        credits[index] += cycles / divider;
        while (credits[index] >= 1) {
          const before = machine.cycles;
          machine.step();
          credits[index] -= Math.max(machine.cycles - before, 1);
        }
      });
      this.checkChangedPins();
    };
  }
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

/** The ring oscillator is missing, so its random bit is always one. */
function giveRandomBits(rp2040, machine) {
  const RANDOM_BIT = 0x1c;
  const STATUS = 0x18;
  const STABLE = 1 << 31;
  const oscillator = rp2040.peripherals[0x40060];
  oscillator.readUint32 = (offset) => (offset === RANDOM_BIT ? machine.random() & 1 : offset === STATUS ? STABLE : 0);
  oscillator.writeUint32 = () => {};
}

/**
 * The second core and its mailbox are missing. MicroPython resets that core at every soft reset and waits for the zero
 * that its boot ROM sends back (RP2040 data sheet, sections 2.3.1.4 and 2.8.2).
 */
function answerForTheSecondCore(rp2040) {
  const FIFO_STATUS = 0x50;
  const FIFO_WRITE = 0x54;
  const FIFO_READ = 0x58;
  const VALID = 1;
  const READY = 2;
  const FORCE_OFF = 0x04;
  const SECOND_CORE = 1 << 16;
  const mailbox = [];
  const { sio } = rp2040;
  const power = rp2040.peripherals[0x40010];

  const writePower = power.writeUint32;
  power.writeUint32 = function (offset, value) {
    if (offset === FORCE_OFF && this.frceOff & SECOND_CORE && !(value & SECOND_CORE)) mailbox.push(0);
    writePower.call(this, offset, value);
  };
  const readSio = sio.readUint32;
  sio.readUint32 = function (offset) {
    if (offset === FIFO_STATUS) return READY | (mailbox.length ? VALID : 0);
    if (offset === FIFO_READ) return mailbox.shift() ?? 0;
    return readSio.call(this, offset);
  };
  const writeSio = sio.writeUint32;
  sio.writeUint32 = function (offset, value) {
    if (offset !== FIFO_STATUS && offset !== FIFO_WRITE) writeSio.call(this, offset, value);
  };
}
