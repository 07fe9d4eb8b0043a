"""The simulated board: chip models under the real drivers."""
