// The wires between the RP2040's pins and the parts around it.
//
// The level of a wire comes from its drivers: the chip or a part, else a resistor on the board, else the pull of the
// pad. If two drivers disagree, that is reported, and the low one wins. Parts receive the drive of the chip and drive
// wires themselves, so open-drain buses need no other rule. This module plays pulse trains by itself, without Python.

import { GPIOPinState } from "rp2040js";

export const PIN_COUNT = 30;

export const RELEASED = -1;

class Line {
  constructor() {
    this.chip = RELEASED;
    this.part = RELEASED;
    this.resistor = RELEASED;
    this.level = 0;
    this.watched = false;
    this.contended = false;
    this.risingEdges = 0;
    this.train = null;
  }
}

export class Lines {
  /**
   * `onDrive(pin, drive)` is called when the chip changes its drive of a watched wire: 0, 1 or RELEASED. `onDark` is
   * called likewise when the chip releases a wire because its supply failed, and `onFault(text)` on a contention.
   */
  constructor(machine, { onDrive, onDark, onFault }) {
    this.machine = machine;
    this.onDrive = onDrive;
    this.onDark = onDark;
    this.onFault = onFault;
    this.rp2040 = null;
    this.lines = Array.from({ length: PIN_COUNT }, () => new Line());
  }

  /** Connect a chip fresh out of reset: it drives no wire. */
  connect(rp2040) {
    this.rp2040 = rp2040;
    rp2040.gpio.forEach((pin, index) => {
      pin.addListener(() => this.chipChanged(index));
      if (this.lines[index].level) pin.setInputValue(true);
    });
    for (let index = 0; index < PIN_COUNT; index++) this.chipChanged(index);
    for (let index = 0; index < PIN_COUNT; index++) this.resumeTrain(index);
  }

  disconnect() {
    this.rp2040 = null;
    this.lines.forEach((line, index) => {
      if (line.watched && line.chip !== RELEASED) this.onDark(index, RELEASED);
      line.chip = RELEASED;
      this.settle(index);
    });
  }

  /** Drive the wire from a part: 0, 1 or RELEASED. */
  drive(index, level) {
    this.lines[index].part = level;
    this.settle(index);
  }

  /** Fit a resistor on the board: 0 to ground, 1 to the supply, RELEASED for none. */
  setResistor(index, level) {
    this.lines[index].resistor = level;
    this.settle(index);
  }

  chipChanged(index) {
    const line = this.lines[index];
    const state = this.rp2040.gpio[index].value;
    const drive = state === GPIOPinState.High ? 1 : state === GPIOPinState.Low ? 0 : RELEASED;
    const changed = drive !== line.chip;
    line.chip = drive;
    this.settle(index);
    if (changed && line.watched) this.onDrive(index, drive);
  }

  settle(index) {
    const line = this.lines[index];
    const level = this.resolve(line, index);
    if (level === line.level) return;
    line.level = level;
    line.risingEdges += level;
    this.rp2040?.gpio[index].setInputValue(level === 1);
  }

  resolve(line, index) {
    const { chip, part, resistor } = line;
    const contended = chip !== RELEASED && part !== RELEASED && chip !== part;
    if (contended && !line.contended) this.onFault(`GPIO${index} is driven high and low at once`);
    line.contended = contended;
    if (contended) return 0;
    if (chip !== RELEASED) return chip;
    if (part !== RELEASED) return part;
    if (resistor !== RELEASED) return resistor;
    const pad = this.rp2040?.gpio[index].value;
    return pad === GPIOPinState.InputPullUp ? 1 : pad === GPIOPinState.InputPullDown ? 0 : line.level;
  }

  /** Play `count` pulses (null: endless), the first rising at `first` ns, in place of any train on the wire. */
  play(index, { count, first, high, period }) {
    const line = this.lines[index];
    line.train?.alarm?.cancel();
    const next = Math.max(first, this.machine.nanos);
    line.train = count === 0 ? null : { left: count, next, high, period, rising: true };
    this.resumeTrain(index);
  }

  /** Continue the train under a new clock. Pulses from the time without supply are gone. */
  resumeTrain(index) {
    const { train } = this.lines[index];
    if (!train || !this.rp2040) return;
    const late = this.machine.nanos - train.next;
    if (late > 0) {
      const missed = Math.ceil(late / train.period);
      train.next += missed * train.period;
      if (train.left !== null) train.left = Math.max(train.left - missed, 1);
    }
    train.alarm = this.rp2040.clock.createAlarm(() => this.playEdge(index, train));
    train.alarm.schedule(train.next - this.machine.nanos);
  }

  playEdge(index, train) {
    this.drive(index, train.rising ? 1 : 0);
    if (train.rising) {
      train.next += train.high;
    } else {
      train.next += train.period - train.high;
      if (train.left !== null && --train.left === 0) {
        this.lines[index].train = null;
        return;
      }
    }
    train.rising = !train.rising;
    train.alarm.schedule(train.next - this.machine.nanos);
  }

  statistics() {
    const rising = {};
    this.lines.forEach((line, index) => {
      if (line.risingEdges) rising[index] = line.risingEdges;
    });
    return { rising_edges: rising };
  }
}
