"""The asynchronous services that join the core to the devices."""
