"""Campaigns that try to make the meter lose credit or count it twice; see README.md."""
