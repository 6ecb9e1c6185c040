"""Shows that the property test bites: it must notice whatever check is taken out of the decisions."""
