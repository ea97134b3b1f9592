"""Migrations of the database, run by huiying/schema.py."""
