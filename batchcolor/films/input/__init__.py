"""From a film file to frames: its headers, decoding, interlacing, planes."""
