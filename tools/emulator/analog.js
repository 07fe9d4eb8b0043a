// Signals at the inputs of the converter. A channel without a signal reads the constant of `Machine.setAdc`.
//
// A signal is one period as a table of levels, with a level at rest and a slow triangle (dither) added. A curve maps the
// level, in sixteenths of a code, to a code, after the next value of a table of noise was added. All tables come from
// Python, so that the parts have one model (boards/host/chips/waves.py and converter.py).

const POINTS = 4096;
const FINE = 16;

export class AnalogInputs {
  constructor(machine) {
    this.machine = machine;
    this.signals = [];
    this.curve = null;
    this.noise = null;
    this.randomState = 1;
    this.conversions = 0;
  }

  /** Connect a chip fresh out of reset: its conversions read the signals. */
  connect(rp2040) {
    const { adc } = rp2040;
    adc.onADCRead = (channel) => {
      this.conversions++;
      const signal = this.signals[channel];
      if (signal) adc.channelValues[channel] = this.read(signal);
      adc.currentChannel = channel;
      adc.sampleAlarm.schedule(adc.sampleTime * 1000);
    };
  }

  disconnect() {}

  /** Set a signal: levels at rest and of the dither, both periods in ns, and a table of levels as 32-bit floats. */
  setSignal(channel, payload) {
    const [rest, dither, ditherNanos, periodNanos] = [0, 8, 16, 24].map((at) => payload.readDoubleLE(at));
    const levels = new Float32Array(POINTS + 1);
    for (let point = 0; point < POINTS; point++) levels[point] = payload.readFloatLE(32 + 4 * point);
    levels[POINTS] = levels[0];
    this.signals[channel] = { rest, dither, ditherNanos, periodNanos, levels };
  }

  setCurve(payload) {
    this.curve = Uint16Array.from({ length: payload.length / 2 }, (_, index) => payload.readUInt16LE(2 * index));
  }

  setNoise(payload) {
    this.noise = Int16Array.from({ length: payload.length / 2 }, (_, index) => payload.readInt16LE(2 * index));
  }

  read({ rest, dither, ditherNanos, periodNanos, levels }) {
    const { nanos } = this.machine;
    const place = ((nanos / periodNanos) % 1) * POINTS;
    const point = Math.floor(place);
    const wave = levels[point] + (place - point) * (levels[point + 1] - levels[point]);
    const turn = (nanos / ditherNanos) % 1;
    const triangle = turn < 0.5 ? 4 * turn - 1 : 3 - 4 * turn;
    const level = Math.round(rest + wave + dither * triangle + (this.noise ? this.noise[this.random()] : 0));
    if (!this.curve) return Math.min(Math.max(Math.floor(level / FINE), 0), 4095);
    return this.curve[Math.min(Math.max(level, 0), this.curve.length - 1)];
  }

  /** Return a place in the table of noise. The random numbers of the machine stay those of a chip without signals. */
  random() {
    let x = this.randomState;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.randomState = x >>> 0;
    return this.randomState % this.noise.length;
  }

  statistics() {
    return { conversions: this.conversions };
  }
}
