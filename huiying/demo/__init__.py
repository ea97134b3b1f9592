"""The demonstration: a fictional office on loopback, to ask at and to answer in."""
