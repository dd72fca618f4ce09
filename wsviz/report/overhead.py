"""Where the bytes of a report's capture went: bars by update where there are updates, and the ledger in full."""

from __future__ import annotations

from collections import Counter, defaultdict

from wsviz.capture.comparison import count_updates
from wsviz.capture.har_capture import NO_PACKETS
from wsviz.capture.ledger import BUCKETS
from wsviz.figures.overhead import overhead_bars
from wsviz.protocol.wire import count
from wsviz.report.markup import Drawing, Node, element, table
from wsviz.report.subject import Subject

MEANINGS = {
    "link": "link-layer headers, such as Ethernet's",
    "ip": "IP headers",
    "tcp": "TCP headers, those of packets without data too",
    "tls": "TLS: its handshake, records and tags, or all of it where it is not read",
    "http_header": "HTTP start lines and headers, both halves of the upgrade too",
    "http_framing": "HTTP chunk lines and trailers",
    "http_body": "HTTP bodies",
    "ws_header": "WebSocket headers of data frames, without masking keys",
    "ws_masking_key": "WebSocket masking keys of data frames",
    "ws_control": "WebSocket ping, pong and close frames, whole",
    "ws_payload": "WebSocket payload of data frames",
    "retransmission": "TCP payload seen before",
    "padding": "bytes after the IP packet",
    "other": "not decoded, or not TCP",
}


def overhead_section(subject: Subject) -> list[Node]:
    """Bars for what one update cost, then each bucket's bytes and its share."""
    if subject.is_har:
        return [element("p", f"Not known: {NO_PACKETS}.")]
    ledger = _ledger(subject)
    whole = sum(sum(amounts.values()) for amounts in ledger.values())
    updates = Counter[str]()
    for connection in subject.connections:
        updates[connection.mechanism.name] += count_updates(connection)
    bars = {
        name: {bucket: amount / updates[name] for bucket, amount in amounts.items()} | {"updates": updates[name]}
        for name, amounts in ledger.items()
        if updates[name]
    }
    nodes: list[Node] = [element("p", f"All {count(whole, 'byte')} on the wire, each in one bucket.")]
    if bars:
        figure = Drawing(overhead_bars(bars))
        nodes.append(element("div", figure, class_="figure", role="group", tabindex="0", aria_label="Overhead"))
    return [*nodes, _table(ledger, whole)]


def _ledger(subject: Subject) -> dict[str, Counter[str]]:
    """Bytes by mechanism and bucket; packets that belong to no connection count as "no TCP"."""
    by = "mechanism" if subject.whole else "connection"
    kept = {connection.index for connection in subject.connections}
    ledger: dict[str, Counter[str]] = defaultdict(Counter)
    for row in subject.capture.overhead(by).astype(object).to_dict("records"):
        unit = row[by]
        if by == "connection" and unit not in kept:
            continue
        name = subject.connections[0].mechanism.name if by == "connection" else unit
        ledger[name if isinstance(name, str) else "no TCP"].update({bucket: int(row[bucket]) for bucket in BUCKETS})
    return ledger


def _table(ledger: dict[str, Counter[str]], whole: int) -> Node:
    names = [*ledger]
    sums = {bucket: sum(amounts[bucket] for amounts in ledger.values()) for bucket in BUCKETS}
    rows: list[list[Node]] = []
    for bucket in filter(sums.get, BUCKETS):
        amounts = [*(ledger[name][bucket] for name in names), sums[bucket]]
        shown = (f"{amount:,}" for amount in amounts)
        rows.append([bucket.replace("_", " "), *shown, _share(sums[bucket], whole), MEANINGS[bucket]])
    totals = [*(sum(amounts.values()) for amounts in ledger.values()), whole]
    rows.append([*(element("strong", word) for word in ("total", *(f"{total:,}" for total in totals))), "", ""])
    heads = ["bucket", *names, "all", "share", "what counts"]
    if len(names) == 1:  # then it is all there is
        heads.remove("all")
        for row in rows:
            del row[2]
    return table(heads, rows, label="Ledger", numeric=heads[1:-1])


def _share(amount: int, whole: int) -> str:
    return f"{100 * amount / whole:.1f} %" if whole else ""
