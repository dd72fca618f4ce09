"""Record the capture files of this folder: real programs talk over a real wire, and dumpcap listens.

Run as root on Linux: `sudo python captures/record.py [NAME ...]`. README.md says more, and is made here.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

try:
    import catalogue
    from scenarios import SCENARIOS
    from scenarios.scenario import CLIENT, PORT, READY, SERVER, Scenario
except ImportError as missing:
    sys.exit(f"record.py: {missing}: install the package with its `test` extra")
from wire import RecordingError, capturing, laid_wire

TOOLS = ("ip", "ethtool", "dumpcap")
CLIENT_TIMEOUT = 60.0
"""Seconds that a conversation may take."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.check:
        sys.exit("\n".join(catalogue.faults()) or 0)
    if options.readme:
        catalogue.write_readme()
        return
    # `kill` shall clear up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("record.py: terminated"))
    chosen = [SCENARIOS[name] for name in options.names or SCENARIOS]
    try:
        require_means(chosen)
        for scenario in chosen:
            record(scenario)
    except RecordingError as error:
        sys.exit(f"record.py: {error}")
    except KeyboardInterrupt:
        sys.exit("record.py: interrupted")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record the capture files of this folder.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(SCENARIOS)}")
    parser.add_argument("--check", action="store_true", help="compare files, index.json and README.md")
    parser.add_argument("--readme", action="store_true", help="write README.md again, record nothing")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in SCENARIOS]:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    return options


def require_means(chosen: Sequence[Scenario]) -> None:
    """Fail before anything is started, not in the middle of it."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise RecordingError("network namespaces need Linux and root: sudo python captures/record.py")
    tools = dict.fromkeys((*TOOLS, *(tool for scenario in chosen for tool in scenario.tools)))
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        raise RecordingError(f"not installed: {', '.join(missing)}")


def record(scenario: Scenario) -> None:
    """Record one scenario. The capture file of an earlier run is replaced only by a complete new one."""
    software = catalogue.software_of(scenario)
    target = catalogue.FOLDER / f"{scenario.name}.pcapng"
    with TemporaryDirectory(prefix="wsviz-record-") as folder:
        new = Path(folder) / target.name
        converse(scenario, new, comment(scenario, software))
        shutil.move(new, target)
    catalogue.give_to_owner(target)
    entry = catalogue.measure(target, software)
    catalogue.add(scenario.name, entry)
    print(f"{target.name}: {entry.packets} packets, {entry.bytes} bytes")


def comment(scenario: Scenario, software: dict[str, str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in software.items())
    return f"{scenario.title}. {scenario.what} Client {CLIENT}, server {SERVER}:{PORT}. Software: {versions}."


def converse(scenario: Scenario, path: Path, comment: str) -> None:
    """Let both sides of a scenario talk, and capture all of it at the server's end."""
    side = [sys.executable, "-m", "scenarios", scenario.name]
    env = environment(path.parent)
    with (
        laid_wire(CLIENT, SERVER) as (client_end, server_end),
        server_end.running([*side, "server"], READY, env),
        capturing(server_end, PORT, comment, path),
    ):
        try:
            client = client_end.command([*side, "client"])
            subprocess.run(client, env=env, timeout=CLIENT_TIMEOUT, check=True, start_new_session=True)
        except subprocess.SubprocessError as error:
            raise RecordingError(f"the client of {scenario.name}: {error}") from error


def environment(folder: Path) -> dict[str, str]:
    """The environment of both programs: where they leave files and read settings is a folder that goes."""
    return os.environ | {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(catalogue.FOLDER)}


if __name__ == "__main__":
    main()
