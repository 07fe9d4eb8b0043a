// The wires between the RP2040's pins and the parts around it.
//
// A wire has one level, made by whoever drives it: the chip, a part, else a resistor on the board, else the pull of the
// pad. Two that drive against each other are reported, and the low one wins. Parts are told what the chip drives and
// drive wires themselves; open-drain buses follow from that. Pulse trains are played here, without asking anyone.

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
   * `onDrive(pin, drive)` is called when the chip begins to drive a watched wire otherwise: 0, 1 or RELEASED; `onDark`
   * likewise when it lets go because its supply failed; `onFault(text)` on a contention.
   */
  constructor(machine, { onDrive, onDark, onFault }) {
    this.machine = machine;
    this.onDrive = onDrive;
    this.onDark = onDark;
    this.onFault = onFault;
    this.rp2040 = null;
    this.lines = Array.from({ length: PIN_COUNT }, () => new Line());
  }

  /** Wire up a chip fresh out of reset: it has let go of everything. */
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

  /** A part drives the wire: 0, 1 or RELEASED. */
  drive(index, level) {
    this.lines[index].part = level;
    this.settle(index);
  }

  /** A resistor on the board: 0 to ground, 1 to the supply, RELEASED for none. */
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

  /** Play `count` pulses (null: endless), the first rising at `first` ns; replaces what was playing on the wire. */
  play(index, { count, first, high, period }) {
    const line = this.lines[index];
    line.train?.alarm?.cancel();
    const next = Math.max(first, this.machine.nanos);
    line.train = count === 0 ? null : { left: count, next, high, period, rising: true };
    this.resumeTrain(index);
  }

  /** The train goes on under a new clock; pulses that came while the board was off are gone. */
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
