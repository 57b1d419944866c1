"""`batchcolor demo`: black-and-white input made from pictures whose colours are known, colorized, and shown beside the truth.

The pictures come with the package, so it works offline from an installed wheel.
"""
