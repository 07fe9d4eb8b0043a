"""The agent at a reader, which connects outward to the office."""
