"""How fast the console is at scale. `make bench` runs all of it; nothing here is a test, so no machine's mood fails a build."""
