"""The room reader: a Raspberry Pi Pico with reader, display, button and buzzer, on the line of a meter."""
