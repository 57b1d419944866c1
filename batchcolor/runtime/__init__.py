"""Services that every package uses: atomic writes, file locks, caches, prefetching, thread counts, libvips."""
