"""The rehearsal of a head-end: its real processes, a fleet of simulated meters, a virtual clock, and a plain book."""
