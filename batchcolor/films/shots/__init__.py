"""The first pass over a film: the time of every frame, and where shots begin."""
