"""Card readers, the cards they read, and the purse that is written on them."""
