"""A fleet of simulated meters in one process: the firmware's core and services, without a board.

It is for trying and testing a head-end. No program of an office imports it.
"""
