"""From lightness to steady chroma: key frames, motion, smoothing, chroma planes."""
