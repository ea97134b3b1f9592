"""Huiying 回应: the reply desk of a public office. Entry point and composition root."""
