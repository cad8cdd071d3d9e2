"""`python -m bmx` is `bmx`."""

from bmx.main import run

run()
