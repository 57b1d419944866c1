"""`batchcolor demo`: black-and-white input is made from pictures with known colours, colorized, and compared with the truth.

The pictures come with the package, so it works offline from an installed wheel.
"""
