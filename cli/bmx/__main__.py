"""`python -m bmx` is `bmx`."""

import sys

try:
    from bmx.main import run

    run()
except KeyboardInterrupt:
    # Pressed before a command took over; what a command was doing is told by `bmx.output.execute`.
    sys.exit("Interrupted.")
