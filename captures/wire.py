"""The wire: network namespaces, joined by veth pairs, and dumpcap in one of them.

Unlike the loopback device, a veth pair has the MTU of Ethernet and real Ethernet headers, and the namespaces
keep all other traffic of the machine away.
"""

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MTU = 1500
START_TIMEOUT = 15.0
"""Seconds that a program may take until it is ready."""
SETTLE = 1.0
"""Seconds for the last FIN and ACK to arrive, and for dumpcap to take them from the kernel's buffer."""


class RecordingError(Exception):
    """The recording did not succeed; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a wire: a device in a network namespace, which may hold the end of another wire too."""

    namespace: str
    device: str
    address: str
    mac: str

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *argv]

    @contextmanager
    def running(
        self,
        argv: Sequence[str],
        ready: str,
        env: Mapping[str, str] | None = None,
        stderr: int | None = None,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program at this end, from the moment when it prints `ready` until the block ends."""
        # A session of its own: Ctrl-C reaches record.py alone, which then ends the programs in order.
        process = subprocess.Popen(
            self.command(argv),
            bufsize=0,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=env,
            start_new_session=True,
        )
        with process:
            try:
                wait_for_output(process, ready)
                yield process
            finally:
                stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=START_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_for_output(process: subprocess.Popen[bytes], marker: str) -> None:
    """Wait until the program has printed `marker`."""
    assert process.stdout is not None
    output = b""
    deadline = time.monotonic() + START_TIMEOUT
    while marker.encode() not in output:
        remaining = max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select([process.stdout], [], [], remaining)
        chunk = process.stdout.read(4096) if readable else b""
        if not chunk:
            lines = output.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
            raise RecordingError(f"not ready: {process.args}: {lines[-1]}")
        output += chunk


@contextmanager
def laid_wires(*wires: tuple[End, End]) -> Iterator[None]:
    """Lay wires, each between two ends. Afterwards no process or namespace is left."""
    namespaces = dict.fromkeys(end.namespace for wire in wires for end in wire)
    try:
        for namespace in namespaces:
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        for one, other in wires:
            join(one, other)
        yield
    finally:
        with uninterrupted():
            for namespace in namespaces:
                clear(namespace)


def join(one: End, other: End) -> None:
    run("ip", "link", "add", one.device, "netns", one.namespace, "type", "veth",
        "peer", "name", other.device, "netns", other.namespace)  # fmt: skip
    for end in (one, other):
        bring_up(end)


def bring_up(end: End) -> None:
    ip = ("ip", "-n", end.namespace)
    run(*ip, "link", "set", end.device, "address", end.mac, "mtu", str(MTU))
    run(*ip, "address", "add", f"{end.address}/24", "dev", end.device)
    # Without offloads the capture shows the segments and the checksums of a real wire. With them, segments
    # exceed the MTU and checksums are left to hardware that a veth pair does not have.
    offloads = [word for name in ("tso", "gso", "gro", "tx") for word in (name, "off")]
    run(*end.command(["ethtool", "-K", end.device, *offloads]))
    run(*ip, "link", "set", end.device, "up")


def clear(namespace: str) -> None:
    """End every process in the namespace, children of children too, then remove the namespace."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(20):
            pids = pids_in(namespace)
            if not pids:
                break
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
            time.sleep(0.1)
    subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)


def pids_in(namespace: str) -> list[int]:
    done = subprocess.run(["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True)
    return [int(pid) for pid in done.stdout.split()]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a second Ctrl-C, or a `kill`, not stop the clearing up after the first."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def capturing(ends: Sequence[End], ports: Sequence[int], comment: str, path: Path) -> Iterator[None]:
    """Record what passes these ends on these TCP ports into a pcapng file, from the first to the last packet.

    All ends are in one namespace; each is an interface of the file.
    """
    wanted = " or ".join(f"tcp port {port}" for port in ports)
    devices = [word for end in ends for word in ("-i", end.device, "-f", wanted)]
    # "File:" is printed when the devices are open, the filters are set and the file is begun.
    argv = ["dumpcap", "-q", *devices, "-w", str(path), "--capture-comment", comment]
    with ends[0].running(argv, ready="File:", stderr=subprocess.STDOUT) as process:
        yield
        time.sleep(SETTLE)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=START_TIMEOUT)
    expect_complete(output.decode(), [end.device for end in ends])
    if len(ends) > 1:
        sort_by_time(path)


def expect_complete(report: str, devices: Sequence[str]) -> None:
    """Check dumpcap's last words, a line a device: "Packets received/dropped on interface 'server': 57/0 (...)"."""
    lines = re.findall(r"received/dropped on interface '(\w+)': (\d+)/(\d+)", report)
    counts = {device: (int(received), int(dropped)) for device, received, dropped in lines}
    if set(counts) != set(devices):
        raise RecordingError(f"dumpcap does not report a count for each of {', '.join(devices)}: {report.strip()!r}")
    for device, (received, dropped) in counts.items():
        if received == 0 or dropped > 0:
            raise RecordingError(f"dumpcap received {received} packets on {device} and dropped {dropped}")


def sort_by_time(path: Path) -> None:
    """Put the packets in order: dumpcap has a thread a device, and writes packets as the threads hand them over."""
    sorted_path = path.with_suffix(".sorted")
    run("reordercap", str(path), str(sorted_path))
    sorted_path.replace(path)


def run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RecordingError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
