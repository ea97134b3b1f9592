"""Measurements; each prints one JSON object. Run on a quiet machine and quote medians."""
