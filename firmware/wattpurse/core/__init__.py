"""What money and energy mean: pure integer logic, the same on every Python."""
