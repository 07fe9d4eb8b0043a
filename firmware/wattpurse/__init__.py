"""Firmware of the Wattpurse prepaid electricity meter."""
