"""Benchmarks print ratios against a reference measured in the same run: machines differ and are noisy, ratios of medians less so."""
