"""Boards: the only place that names a pin."""
