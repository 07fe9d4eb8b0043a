"""Card readers, the cards that they read, and the layout of the data on the cards."""
