// SPI and I2C between the RP2040 and the parts around it, byte by byte. Each byte takes its time on the wire.

const SPI_COUNT = 2;
const I2C_COUNT = 2;
const I2C_BITS = 9;

export class Buses {
  /**
   * `exchange(bus, byte)` returns the byte that the part on an SPI bus shifts out while `byte` is shifted in. It is
   * called at the last bit. `i2c(bus, step, value)` returns the answer of the part to one step of a transfer: "start",
   * "address" (7 bits and the direction), "write" (both 1: acknowledged), "read", "stop".
   */
  constructor(exchange, i2c) {
    this.exchange = exchange;
    this.i2c = i2c;
    this.spiAttached = new Array(SPI_COUNT).fill(false);
    this.i2cAttached = new Array(I2C_COUNT).fill(false);
    this.spiBytes = 0;
  }

  connect(rp2040) {
    rp2040.spi.forEach((spi, bus) => this.connectSpi(rp2040, spi, bus));
    rp2040.i2c.forEach((i2c, bus) => this.connectI2c(rp2040, i2c, bus));
  }

  disconnect() {}

  connectSpi(rp2040, spi, bus) {
    let sending = 0;
    const finished = rp2040.clock.createAlarm(() => {
      spi.completeTransmit(this.spiAttached[bus] ? this.exchange(bus, sending) : 0);
    });
    spi.onTransmit = (byte) => {
      sending = byte;
      this.spiBytes++;
      finished.schedule((spi.dataBits * 1e9) / spi.clockFrequency);
    };
  }

  connectI2c(rp2040, i2c, bus) {
    const { clock } = rp2040;
    const ask = (step, value) => (this.i2cAttached[bus] ? this.i2c(bus, step, value) : 0);
    const later = (bits, action) => {
      const bitNanos = ((i2c.sclLowPeriod + i2c.sclHighPeriod) * 1e9) / rp2040.clkSys;
      clock.createAlarm(action).schedule(bits * bitNanos);
    };
    i2c.onStart = () => later(1, () => (ask("start", 0), i2c.completeStart()));
    i2c.onConnect = (address, mode) =>
      later(I2C_BITS, () => i2c.completeConnect(ask("address", (address << 1) | mode) === 1));
    i2c.onWriteByte = (byte) => later(I2C_BITS, () => i2c.completeWrite(ask("write", byte) === 1));
    i2c.onReadByte = () => later(I2C_BITS, () => i2c.completeRead(this.i2cAttached[bus] ? ask("read", 0) : 0xff));
    i2c.onStop = () => later(1, () => (ask("stop", 0), i2c.completeStop()));
  }
}
