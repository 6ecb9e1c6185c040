"""People and places: users, groups and the tree of scopes. Knows nothing of roles."""
