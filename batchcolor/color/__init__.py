"""Colour: spaces and their conversions, the gamut, tables, chroma grids, upsampling along edges."""
