"""batchcolor: colorizes black-and-white photo archives and films in batches.

The library's doors: `batchcolor.engines.colorizer.Colorizer` (L in, ab out), `batchcolor.weights.open_checkpoint`,
`batchcolor.photos.colorize_photos`, `batchcolor.films.colorize_film`. Importing this package alone imports nothing heavy.
"""

__version__ = "0.1.0"
