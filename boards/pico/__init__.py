"""The meter on a Raspberry Pi Pico."""
