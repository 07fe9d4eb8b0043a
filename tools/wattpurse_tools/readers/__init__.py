"""Card readers of computers: the families of PC/SC readers, the seam of the purse's code over PC/SC, the remedies."""
