"""Load files: the consumption exports of portals, meters and home automation, as load curves.

    text_file -> an importer (columns to Blocks) -> joints (Blocks to Pieces without a gap) -> amounts (Pieces to mWh)

`formats` registers the importers, one module for each. `reading` runs the whole line for a file.
A file is read in blocks of rows, so that a file of any length takes the same memory.
"""
