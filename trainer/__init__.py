"""Trains, evaluates and exports generators. Imports `batchcolor`, never the reverse."""
