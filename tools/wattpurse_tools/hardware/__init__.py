"""The circuit around the meter's board: its netlist, the rules for it, and the documents that are made of it."""
