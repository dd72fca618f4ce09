"""`python -m scenarios NAME server|client`: one side of a scenario, in the namespace that record.py chose."""

import sys

from . import SCENARIOS


def main() -> None:
    name, side = sys.argv[1:]
    scenario = SCENARIOS[name]
    {"server": scenario.server, "client": scenario.client}[side]()


if __name__ == "__main__":
    main()
