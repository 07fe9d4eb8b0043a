"""The phone's half of the meter's Bluetooth link: it brings tokens and takes the statement."""
