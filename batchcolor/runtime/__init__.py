"""What every part of the program stands on: files written whole or not at all, locks, caches, threads, libvips."""
