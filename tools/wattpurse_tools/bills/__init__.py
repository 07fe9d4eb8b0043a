"""Comparisons, pictures and workbooks of bills. `tariffs.bill` calculates a bill."""
