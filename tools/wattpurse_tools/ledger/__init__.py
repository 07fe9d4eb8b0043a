"""The ledger of an office: double entry, append-only, integers."""
