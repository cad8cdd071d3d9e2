"""The tables, the way to them, and their migrations."""
