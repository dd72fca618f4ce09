"""Record the capture files of this folder: real programs talk over a real wire, and dumpcap listens.

Run as root on Linux: `sudo python captures/record.py [NAME ...]`. README.md says more, and is made here.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

try:
    import catalogue
    from scenarios import SCENARIOS
    from scenarios.scenario import BEHIND, CLIENT, READY, RESULTS, SERVER, UPSTREAM, Scenario
except ImportError as missing:
    sys.exit(f"record.py: {missing}: install the package with its `test` extra")
from wire import End, RecordingError, capturing, laid_wires

TOOLS = ("ip", "ethtool", "dumpcap", "reordercap")


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
            record(scenario, options.output)
    except RecordingError as error:
        sys.exit(f"record.py: {error}")
    except KeyboardInterrupt:
        sys.exit("record.py: interrupted")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record the capture files of this folder.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(SCENARIOS)}")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="write capture files there, and enter them nowhere"
    )
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


def record(scenario: Scenario, output: Path | None) -> None:
    """Record one scenario. The files of an earlier run are replaced only by a complete new set."""
    software = catalogue.software_of(scenario)
    kept = output or catalogue.FOLDER
    with TemporaryDirectory(prefix="wsviz-record-") as folder:
        new = Path(folder) / f"{scenario.name}.pcapng"
        converse(scenario, new, comment(scenario, software))
        names = (new.name, *scenario.extra)
        if missing := [name for name in names if not (Path(folder) / name).exists()]:
            raise RecordingError(f"{scenario.name}: its programs did not leave {', '.join(missing)}")
        kept.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.move(Path(folder) / name, kept / name)
            catalogue.give_to_owner(kept / name)
    entry = catalogue.measure(kept / new.name, scenario.extra, software)
    if output is None:
        catalogue.add(scenario.name, entry)
    print(f"{new.name}: {entry.packets} packets, {entry.bytes} bytes", flush=True)


def comment(scenario: Scenario, software: dict[str, str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in software.items())
    places = f"Client {CLIENT}, server {SERVER}"
    if scenario.proxy:
        places = f"Client {CLIENT}, proxy {SERVER} and {BEHIND}, server {UPSTREAM}"
    ports = ", ".join(str(port) for port in scenario.ports)
    return f"{scenario.title}. {scenario.what} {places}, port {ports}. Software: {versions}."


def converse(scenario: Scenario, path: Path, comment: str) -> None:
    """Let all sides of a scenario talk, and capture all of it at the end that faces the client."""
    side = [sys.executable, "-m", "scenarios", scenario.name]
    env = environment(path.parent)
    with topology(scenario) as (client_end, proxy_ends, server_end), ExitStack() as running:
        running.enter_context(server_end.running([*side, "server"], READY, env))
        if proxy_ends:
            running.enter_context(proxy_ends[0].running([*side, "proxy"], READY, env))
        running.enter_context(capturing(proxy_ends or (server_end,), scenario.ports, comment, path))
        try:
            client = client_end.command([*side, "client"])
            subprocess.run(client, env=env, timeout=scenario.timeout, check=True, start_new_session=True)
        except subprocess.SubprocessError as error:
            raise RecordingError(f"the client of {scenario.name}: {error}") from error


@contextmanager
def topology(scenario: Scenario) -> Iterator[tuple[End, tuple[End, ...], End]]:
    """Lay the wires: the client's end, a proxy's two ends (if there is one), the server's end."""
    # The process id keeps two runs apart. Fixed MAC addresses make dumps comparable; 02: is "locally administered".
    prefix = f"wsviz-{os.getpid()}"
    client = End(f"{prefix}-client", "client", CLIENT, "02:00:00:00:00:01")
    if scenario.proxy is None:
        server = End(f"{prefix}-server", "server", SERVER, "02:00:00:00:00:02")
        with laid_wires((client, server)):
            yield client, (), server
    else:
        front = End(f"{prefix}-proxy", "front", SERVER, "02:00:00:00:00:02")
        back = End(f"{prefix}-proxy", "back", BEHIND, "02:00:00:00:00:03")
        server = End(f"{prefix}-server", "server", UPSTREAM, "02:00:00:00:00:04")
        with laid_wires((client, front), (back, server)):
            yield client, (front, back), server


def environment(folder: Path) -> dict[str, str]:
    """The environment of all programs: where they leave files and read settings is a folder that goes."""
    own = {"HOME": str(folder), "TMPDIR": str(folder), RESULTS: str(folder), "PYTHONPATH": str(catalogue.FOLDER)}
    return os.environ | own


if __name__ == "__main__":
    main()
