"""Trains, judges and exports generators. Imports `batchcolor`, never the reverse."""
