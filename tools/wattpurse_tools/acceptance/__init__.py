"""The acceptance of a meter that somebody has built: the steps, the walk through them, and the signed record."""
