"""The platforms Huiying speaks on; each file translates one, and decides nothing."""
