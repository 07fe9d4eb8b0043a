"""The rules of money and energy: pure integer logic, identical on every Python."""
