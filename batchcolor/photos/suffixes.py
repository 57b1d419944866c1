"""File name endings of photos; alone in a module so that finding files needs no libvips."""

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp"})
