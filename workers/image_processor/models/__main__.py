"""Fetch or make models: `python -m workers.image_processor.models --folder DIR u2net:int8 ...`."""

import argparse
import sys
from pathlib import Path

from workers.contracts import Problem
from workers.image_processor.models.store import ModelStore


def main() -> int:
    """Provide the named models; 0 when all are there, 1 with a sentence on stderr when not."""
    parser = argparse.ArgumentParser(prog="python -m workers.image_processor.models", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("models", nargs="+", metavar="NAME:PRECISION")
    arguments = parser.parse_args()
    store = ModelStore(arguments.folder)
    for wanted in arguments.models:
        name, _, precision = wanted.partition(":")
        try:
            path = store.ensure(name, precision or "fp32")
        except Problem as problem:
            sys.stderr.write(f"{problem}\n")
            return 1
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
