// The wires between the RP2040's pins and the parts around it.
//
// A wire has one level, made by whoever drives it: the pin, a part, else an external resistor, else the pull of the pad.
// Two that drive against each other are reported, and the low one wins. Parts watch levels and drive wires; open-drain
// buses follow from that. A pulse train is played here, edge by edge, without asking anyone.

import { GPIOPinState } from "rp2040js";

export const PIN_COUNT = 30;

class Line {
  constructor() {
    this.part = null;
    this.pull = null;
    this.level = 0;
    this.watched = false;
    this.contended = false;
    this.risingEdges = 0;
    this.train = null;
  }
}

export class Lines {
  /** `onEdge(pin, level)` is called when the chip changes a watched wire, `onFault(text)` on a contention. */
  constructor(machine, onEdge, onFault) {
    this.machine = machine;
    this.onEdge = onEdge;
    this.onFault = onFault;
    this.lines = Array.from({ length: PIN_COUNT }, () => new Line());
  }

  /** Wire up a new RP2040 after a reset. Its pins let go of everything, which the parts see. */
  connect(rp2040) {
    this.rp2040 = rp2040;
    rp2040.gpio.forEach((pin, index) => {
      pin.addListener(() => this.settle(index, true));
      const { level } = this.lines[index];
      if (level) pin.setInputValue(true);
    });
    for (let index = 0; index < PIN_COUNT; index++) this.settle(index, true);
    for (let index = 0; index < PIN_COUNT; index++) this.resumeTrain(index);
  }

  disconnect() {
    this.rp2040 = null;
    for (let index = 0; index < PIN_COUNT; index++) this.settle(index, false);
  }

  /** A part drives the wire: 0, 1, or null to let go. */
  drive(index, level) {
    this.lines[index].part = level;
    this.settle(index, false);
  }

  /** A resistor on the board: 0 to ground, 1 to the supply, null for none. */
  setPull(index, level) {
    this.lines[index].pull = level;
    this.settle(index, false);
  }

  settle(index, byChip) {
    const line = this.lines[index];
    const level = this.resolve(line, index);
    if (level === line.level) return;
    line.level = level;
    line.risingEdges += level;
    this.rp2040?.gpio[index].setInputValue(level === 1);
    if (byChip && line.watched) this.onEdge(index, level);
  }

  resolve(line, index) {
    const state = this.rp2040 ? this.rp2040.gpio[index].value : GPIOPinState.Input;
    const driven = state === GPIOPinState.High || state === GPIOPinState.Low;
    if (driven) {
      const contended = line.part !== null && line.part !== (state === GPIOPinState.High ? 1 : 0);
      if (contended && !line.contended) this.onFault(`GPIO${index} is driven high and low at once`);
      line.contended = contended;
      return contended || state === GPIOPinState.Low ? 0 : 1;
    }
    line.contended = false;
    if (line.part !== null) return line.part;
    if (line.pull !== null) return line.pull;
    if (state === GPIOPinState.InputPullUp) return 1;
    if (state === GPIOPinState.InputPullDown) return 0;
    return line.level;
  }

  /** Play `count` pulses (null: endless), the first rising at `first` ns; replaces what was playing on the wire. */
  play(index, { count, first, high, period }) {
    const line = this.lines[index];
    line.train?.alarm?.cancel();
    line.train = count === 0 ? null : { left: count, next: Math.max(first, this.machine.nanos), high, period, rising: true };
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
