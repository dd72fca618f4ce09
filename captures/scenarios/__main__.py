"""`python -m scenarios NAME server|proxy|client`: one side of a scenario, in the namespace that record.py chose."""

import sys

from . import SCENARIOS


def main() -> None:
    name, side = sys.argv[1:]
    program = getattr(SCENARIOS[name], side)
    program()


if __name__ == "__main__":
    main()
