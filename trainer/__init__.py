"""Trains, judges and exports generators. Imports `batchcolor.color`, `batchcolor.generators` and `batchcolor.errors`, never the reverse."""
