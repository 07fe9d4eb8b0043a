"""The meter on an ESP32 with 4 MB of flash."""
