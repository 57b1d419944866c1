"""The version of the program, for everything that records it; `batchcolor.__version__` is the same."""

__version__ = "0.1.0"
