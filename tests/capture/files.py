"""The captures at hand: the project's own recordings, and those of third parties where they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.needs import SHARED, need
from wsviz.capture.capture import Capture, read_capture

OWN = Path(__file__).parents[2] / "captures"
ECHO, POLL, WEBSOCKET = (OWN / f"{name}.pcapng" for name in ("echo", "poll", "websocket"))
AUTOBAHN = SHARED / "vectors" / "autobahn_c2s_give.pcap"
FOREIGN_WEBSOCKET = [
    SHARED / "captures" / f"{name}.pcap"
    for name in ("arkime_ws", "suricata_ws_basic", "suricata_ws_compressed", "suricata_ws_ping")
]
FOREIGN_HTTP = [
    SHARED / "captures" / f"{name}.pcap"
    for name in (
        "arkime_http_100_continue",
        "arkime_http_nolength",
        "arkime_v6_http",
        "dpkt_http",
        "illustrated_tls12",
        "pcpp_http_stream_rst",
        "pcpp_ipv6_4http",
        "pcpp_tcp_reassembly",
        "pcpp_three_http_streams",
        "suricata_fw88_pipeline",
        "suricata_http_brotli",
        "suricata_http_chunked",
        "suricata_http_gap_simple",
        "suricata_http_header_multi",
        "suricata_http_nodup",
        "suricata_http_sticky",
        "suricata_pppoe_http",
    )
]
WITH_FRAMES = [ECHO, WEBSOCKET, *FOREIGN_WEBSOCKET, AUTOBAHN]
ALL = sorted({*OWN.glob("*.pcap*"), *FOREIGN_WEBSOCKET, *FOREIGN_HTTP, AUTOBAHN})


def ids(paths: list[Path]) -> list[str]:
    """Names for parametrized tests."""
    return [path.stem for path in paths]


@cache
def capture_of(path: Path) -> Capture:
    """A capture, read once for all tests; skips where it is a third party's and not at hand."""
    if path.is_relative_to(SHARED):
        need("shared")
    return read_capture(path)
