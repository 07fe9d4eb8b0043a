"""The API for programs of shops, `/api/v1`: the same actions and the same check of rights as the pages."""
