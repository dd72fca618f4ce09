"""Floor 2: pure functions, object -> Figure (SVG and plain text). No widgets, no kernel, no clock, no randomness."""
