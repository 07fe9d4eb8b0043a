// The emulated board as a process: `node server.js --flash FILE [--image FILE] [--seed N]`.
//
// The Python class EmulatedPico starts it. It speaks the protocol of tools/wattpurse_tools/emulation/link.py on
// standard input and output, and writes messages for people to standard error. It ends when its input is closed.

import { parseArgs } from "node:util";
import { AnalogInputs } from "./analog.js";
import { Buses } from "./buses.js";
import { Lines } from "./lines.js";
import { Link } from "./link.js";
import { Machine } from "./machine.js";
import { readImage } from "./program-image.js";
import { Uarts } from "./uart.js";
import { UsbSerial } from "./usb-serial.js";

const I2C_STEPS = { start: 0, address: 1, write: 2, read: 3, stop: 4 };

const { values: options } = parseArgs({
  options: { flash: { type: "string" }, image: { type: "string" }, seed: { type: "string", default: "1" } },
});

const link = new Link(0, 1);
const post = (kind, index = 0, value = 0, payload = null) => link.post(kind, index, value, machine.nanos, payload);
const postText = (kind, text) => post(kind, 0, 0, Buffer.from(text));

const machine = new Machine({
  flashPath: options.flash,
  seed: Number(options.seed),
  onFault: (text) => postText("f", text),
  onReset: (cause) => postText("r", cause),
});
const askedPins = new Set();
const lines = new Lines(machine, {
  onDrive: (pin, drive) => (askedPins.has(pin) ? ask("e", pin, drive) : post("p", pin, drive)),
  onDark: (pin, drive) => post("p", pin, drive),
  onFault: (text) => postText("f", text),
});
const buses = new Buses(
  (bus, byte) => ask("s", bus, byte),
  (bus, step, value) => ask("i", bus, value, Buffer.from([I2C_STEPS[step]])),
);
const usb = new UsbSerial((bytes) => {
  post("u", 0, 0, bytes);
  if (returnOnSerial) machine.runUntil(machine.nanos);
});
let returnOnSerial = false;
const analog = new AnalogInputs(machine);
const uarts = new Uarts((index, byte) => post("b", index, byte));
machine.parts = [lines, buses, usb, analog, uarts];

const commands = {
  D: ({ index, value }) => lines.drive(index, value),
  L: ({ index, value }) => lines.setResistor(index, value),
  W({ index, value }) {
    lines.lines[index].watched = value > 0;
    if (value > 1) askedPins.add(index);
    else askedPins.delete(index);
  },
  P({ index, nanos, payload }) {
    const count = payload.readDoubleLE(0);
    const high = payload.readDoubleLE(8);
    const period = payload.readDoubleLE(16);
    lines.play(index, { count: count < 0 ? null : count, first: nanos, high, period });
  },
  S: ({ index, value }) => (buses.spiAttached[index] = value === 1),
  I: ({ index, value }) => (buses.i2cAttached[index] = value === 1),
  A: ({ index, value }) => machine.setAdc(index, value),
  V: ({ index, payload }) => analog.setSignal(index, payload),
  K: ({ payload }) => analog.setCurve(payload),
  N: ({ payload }) => analog.setNoise(payload),
  U: ({ payload }) => usb.send(payload),
  B: ({ index, value }) => uarts.attach(index, value & 0xff, value >> 8),
  T: ({ index, payload }) => uarts.send(index, payload),
  C: ({ payload }) => machine.planCut(JSON.parse(payload.toString())),
  X: () => machine.requestReset("reset"),
  O: ({ value }) => (value ? machine.powerOn() : machine.planCut({ nanos: machine.nanos })),
  F: ({ nanos, payload }) => machine.flash.write(nanos, payload),
  G({ nanos, payload }) {
    post("g", 0, 0, machine.flash.bytes.subarray(nanos, nanos + payload.readUInt32LE(0)));
    link.flush();
  },
  Q() {
    const ofParts = { ...lines.statistics(), ...analog.statistics(), spi_bytes: buses.spiBytes, usb: usb.connected };
    postText("q", JSON.stringify({ ...machine.statistics(), ...ofParts }));
    link.flush();
  },
};

/** Wait for Python until it sends RUN. Return its answer. */
function ask(kind, index = 0, value = 0, payload = null) {
  post(kind, index, value, payload);
  link.flush();
  for (;;) {
    const command = link.receive();
    if (command === null) process.exit(0);
    if (command.kind === "R") {
      returnOnSerial = command.index === 1;
      machine.runUntil(command.nanos);
      return command.value;
    }
    commands[command.kind](command);
  }
}

if (options.image) {
  for (const { offset, bytes } of readImage(options.image)) machine.flash.write(offset, bytes);
}
for (;;) {
  ask(machine.powered ? "t" : "o");
  machine.run();
}
