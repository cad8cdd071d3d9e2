"""List what an image holds: `python -m workers.inventory NAME ROOT FILE`."""

import argparse
from pathlib import Path

from workers.inventory import as_json, contents


def main() -> None:
    """Write the document of the file system below ROOT to FILE."""
    parser = argparse.ArgumentParser(prog="python -m workers.inventory", description=__doc__)
    parser.add_argument("image", metavar="NAME")
    parser.add_argument("root", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    arguments.file.write_text(as_json(arguments.image, contents(arguments.root)), encoding="utf-8")


if __name__ == "__main__":
    main()
