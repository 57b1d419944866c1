"""What a process and its children do to the network and the file system: `sitecustomize.py`, which Python runs in each, notes it."""
