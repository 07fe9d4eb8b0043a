"""Payment providers: an adapter for each kind turns a message of theirs into notices of payments."""
