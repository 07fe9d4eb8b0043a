// The host end of the board's USB serial port.
//
// rp2040js enumerates the device; this module carries the bytes. An OUT request of the device waits, as on a real bus,
// until the host has bytes to send. A full-speed bulk packet of up to 64 bytes takes about 50 us.

import { USBCDC } from "rp2040js";

const PACKET_MICROS = 50;

export class UsbSerial {
  /** `onData(bytes)` is called with the bytes that the board writes. */
  constructor(onData) {
    this.onData = onData;
    this.waiting = [];
    this.connected = false;
  }

  connect(rp2040) {
    const { usbCtrl } = rp2040;
    usbCtrl.readDelayMicroseconds = PACKET_MICROS;
    usbCtrl.writeDelayMicroseconds = PACKET_MICROS;
    this.connected = false;
    this.request = null;
    this.usb = usbCtrl;
    this.device = new USBCDC(usbCtrl);
    this.device.onDeviceConnected = () => (this.connected = true);
    this.device.onSerialData = (bytes) => bytes.length && this.onData(bytes);
    usbCtrl.onEndpointRead = (endpoint, size) => {
      if (endpoint !== this.device.outEndpoint) return;
      this.request = { endpoint, size };
      this.answer();
    };
  }

  disconnect() {
    this.connected = false;
    this.request = null;
    this.waiting = [];
  }

  /** Send bytes to the board. They are kept until it is connected. */
  send(bytes) {
    this.waiting.push(...bytes);
    this.answer();
  }

  answer() {
    if (!this.request || !this.connected || !this.waiting.length) return;
    const { endpoint, size } = this.request;
    this.request = null;
    this.usb.endpointReadDone(endpoint, Uint8Array.from(this.waiting.splice(0, size)));
  }
}
