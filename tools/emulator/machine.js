// The board: one RP2040, its boot ROM and flash, the wires around it, and the only clock there is.
//
// Time is virtual and exact: every instruction takes its cycles, a sleeping core skips to the next event, and flash
// operations hold the core while the peripherals go on. A reset makes a new RP2040. RAM and the scratch registers of
// the watchdog are copied to it, as real silicon keeps them unless the supply failed. All other state starts afresh.
// Instructions are timed as if from RAM: the 16 KiB cache of the flash and its misses are not modelled.

import { RP2040 } from "rp2040js";
import { BootRom, START_UP_NANOS } from "./boot-rom.js";
import { makeExecutor } from "./core.js";
import { Flash, PowerCut } from "./flash.js";
import { FlashPort } from "./flash-port.js";
import { applyWorkarounds } from "./workarounds.js";

const WATCHDOG = 0x40058;
const SERIAL_PORT_OF_FLASH = 0x18000;
const PINS_OF_FLASH = 0x40018;
const LONGEST_STRETCH = 1_000_000;

/** Return the time from `epoch` to `target`, rounded up: a sum below `target` would stop the time. */
export function distance(epoch, target) {
  const straight = target - epoch;
  return epoch + straight < target ? straight + target * Number.EPSILON : straight;
}

export class Machine {
  /**
   * `onFault(text)` is called for an access that silicon would not forgive, `onReset(cause)` for every reset while
   * powered. `parts` are the parts at the chip: `connect(rp2040)` joins one to a chip fresh out of reset, and
   * `disconnect()` takes the chip away.
   */
  constructor({ flashPath, seed, onFault, onReset }) {
    this.onFault = onFault;
    this.onReset = onReset;
    this.parts = [];
    this.randomState = seed || 1;
    this.flash = new Flash(flashPath, this);
    this.bootRom = new BootRom(this);
    this.epochNanos = 0;
    this.pendingNanos = 0;
    this.idleNanos = 0;
    this.rp2040 = null;
    this.flashPort = null;
    this.lockedUp = null;
    this.resetPending = null;
    this.powerOnRequested = false;
    this.target = 0;
    this.until = 0;
    this.adcValues = [];
  }

  get powered() {
    return this.rp2040 !== null;
  }

  /** Nanoseconds since the emulation began, through all resets. */
  get nanos() {
    return this.epochNanos + (this.rp2040 ? this.rp2040.clock.nanos : 0) + this.pendingNanos;
  }

  random() {
    let x = this.randomState;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.randomState = x >>> 0;
    return this.randomState;
  }

  chargeCycles(cycles) {
    this.pendingNanos += cycles * this.cycleNanos;
  }

  chargeNanos(nanos) {
    this.pendingNanos += nanos;
  }

  /** Stop the core until the next reset, as a fault within a fault does. */
  lockUp(reason) {
    if (this.lockedUp) return;
    this.lockedUp = reason;
    this.until = 0;
    this.onFault(reason);
  }

  /** Switch the supply on at the next call of `run`. */
  powerOn() {
    this.powerOnRequested = !this.powered;
  }

  powerOff() {
    if (!this.powered) return;
    this.epochNanos = this.nanos;
    this.pendingNanos = 0;
    this.rp2040 = null;
    this.flash.cut = null;
    for (const part of this.parts) part.disconnect();
  }

  /** Plan a power cut: at `nanos`, or at `fraction` of the flash operation that follows `operations` more. */
  planCut({ nanos = Infinity, operations = null, fraction = 0.5, tear = "ordered", survives = false }) {
    this.flash.cut = { nanos, operations, fraction, tear, survives };
    this.runUntil(this.target);
  }

  /** Reset before the next instruction. Only a reset by the watchdog keeps the watchdog's own registers. */
  requestReset(cause) {
    this.resetPending = cause;
    this.until = 0;
  }

  setAdc(channel, value) {
    this.adcValues[channel] = value;
    if (this.powered) this.rp2040.adc.channelValues[channel] = value;
  }

  begin(kept) {
    this.epochNanos = this.nanos;
    this.pendingNanos = 0;
    this.lockedUp = null;
    this.resetPending = null;
    this.powerOnRequested = false;
    const rp2040 = new RP2040();
    rp2040.logger = this.logger();
    rp2040.flash = this.flash.bytes;
    rp2040.flash16 = new Uint16Array(rp2040.flash.buffer);
    rp2040.flashView = new DataView(rp2040.flash.buffer);
    rp2040.bootrom.set(new Uint32Array(this.bootRom.image.buffer));
    applyWorkarounds(rp2040, this);
    this.flashPort = new FlashPort(this, rp2040);
    rp2040.peripherals[SERIAL_PORT_OF_FLASH] = this.flashPort;
    rp2040.peripherals[PINS_OF_FLASH] = this.flashPort.wires;
    this.keepMemory(rp2040, kept);
    this.rp2040 = rp2040;
    this.cycleNanos = 1e9 / rp2040.clkSys;
    rp2040.addClockListener((frequency) => (this.cycleNanos = 1e9 / frequency));
    rp2040.onBreak = (number) => this.onBreak(number);
    const watchdog = rp2040.peripherals[WATCHDOG];
    watchdog.onWatchdogTrigger = () => {
      watchdog.timer.enable = false;
      this.requestReset("watchdog");
    };
    this.adcValues.forEach((value, channel) => (rp2040.adc.channelValues[channel] = value));
    this.execute = makeExecutor(rp2040, () => this.cycleNanos, (text) => this.lockUp(text), this.flashPort);
    for (const part of this.parts) part.connect(rp2040);
    this.chargeNanos(START_UP_NANOS);
    this.bootRom.start();
  }

  keepMemory(rp2040, kept) {
    if (kept) {
      rp2040.sram.set(kept.sram);
    } else {
      new Uint32Array(rp2040.sram.buffer).forEach((_, index, words) => (words[index] = this.random()));
    }
    if (kept?.watchdog) {
      const watchdog = rp2040.peripherals[WATCHDOG];
      watchdog.scratchData.set(kept.watchdog.scratchData);
      watchdog.reason = kept.watchdog.reason;
    }
  }

  onBreak(number) {
    const { core } = this.rp2040;
    if (!this.bootRom.call(number, core.PC - 2, core.registers)) {
      this.lockUp(`breakpoint at 0x${(core.PC - 2).toString(16)}`);
    }
  }

  /** Set the end of `run`, in ns since the emulation began. This may be called while it runs. */
  runUntil(target) {
    this.target = target;
    this.until = this.resetPending ? 0 : distance(this.epochNanos, Math.min(target, this.flash.cut?.nanos ?? Infinity));
  }

  /** Run to the target, or until the supply fails. */
  run() {
    if (this.powerOnRequested) this.begin(null);
    try {
      this.endSupplyWhenDue();
      while (this.powered && this.nanos < this.target) this.runStretch();
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      this.passPending();
      this.powerOff();
    }
    if (!this.powered) this.epochNanos = Math.max(this.epochNanos, this.target);
  }

  /** Run to the next event that ends a boot, or to the target. */
  runStretch() {
    if (this.resetPending) {
      this.onReset(this.resetPending);
      const { sram, peripherals } = this.rp2040;
      this.begin({ sram, watchdog: this.resetPending === "watchdog" ? peripherals[WATCHDOG] : null });
    }
    this.runUntil(this.target);
    this.passPending();
    this.runCore();
    this.endSupplyWhenDue();
  }

  endSupplyWhenDue() {
    if (this.flash.cut && this.nanos >= this.flash.cut.nanos) this.powerOff();
  }

  runCore() {
    const { core, clock, pio } = this.rp2040;
    while (clock.nanosCounter < this.until) {
      const pioRuns = !pio[0].stopped || !pio[1].stopped;
      if (core.waiting || this.lockedUp !== null) {
        const next = clock.nextAlarm === null ? this.until : Math.min(clock.nextAlarm.nanos, this.until);
        const rest = next - clock.nanosCounter;
        const nap = pioRuns ? Math.min(rest, this.cycleNanos) : rest;
        if (pioRuns) this.stepPio(1);
        this.idleNanos += nap;
        clock.tick(nap);
        continue;
      }
      if (core.interruptsUpdated && core.checkForInterrupts()) core.waiting = false;
      const now = clock.nanosCounter;
      const next = clock.nextAlarm === null ? this.until : Math.min(clock.nextAlarm.nanos, this.until);
      const cycles = this.execute(pioRuns ? 1 : Math.min(Math.ceil((next - now) / this.cycleNanos), LONGEST_STRETCH));
      if (pioRuns) this.stepPio(cycles);
      clock.tick(now + cycles * this.cycleNanos - clock.nanosCounter);
      if (this.pendingNanos !== 0) this.passPending();
    }
  }

  passPending() {
    const nanos = this.pendingNanos;
    this.pendingNanos = 0;
    if (nanos) this.rp2040.clock.tick(nanos);
  }

  stepPio(cycles) {
    for (const pio of this.rp2040.pio) if (!pio.stopped) pio.advance(cycles);
  }

  /** Take a complaint of rp2040js. One that is a fault on a real chip locks the core up; all others are ignored. */
  logger() {
    const report = (name, text) => {
      if (!/invalid memory|undefined address|not 32 bit aligned|not implemented yet/.test(text)) return;
      this.lockUp(`${text} (program counter near 0x${this.rp2040.core.PC.toString(16)})`);
    };
    return { debug() {}, info() {}, warn: report, error: report };
  }

  statistics() {
    return {
      now_ns: this.nanos,
      idle_ns: this.idleNanos,
      powered: this.powered,
      locked_up: this.lockedUp,
      flash: this.flash.statistics(),
    };
  }
}
