"""The desk reader: a Raspberry Pi Pico with an RC522 module, on the USB port of a computer."""
