"""The findings of a report: by severity, then by rule, each with what the rule says and where it is broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from wsviz.capture.connection import Connection
from wsviz.capture.finding_rows import FINDINGS, finding_row
from wsviz.protocol.fields import Finding, Severity
from wsviz.protocol.rules import RULES
from wsviz.protocol.wire import count
from wsviz.report.markup import Element, Node, element, table
from wsviz.report.subject import Subject

MOST_PLACES = 20  # of one rule
_MEANS = {
    Severity.ERROR: "breaks a MUST of the standard",
    Severity.WARNING: "does not follow a SHOULD",
    Severity.NOTE: "is legal, and worth knowing",
}
Found = tuple[Connection | None, Finding]


def findings_section(subject: Subject) -> list[Node]:
    """All findings, the worst first; those that are worse than notes stand open."""
    if not subject.found:
        return [element("p", "Nothing found.")]
    groups: dict[tuple[Severity, str], list[Found]] = defaultdict(list)
    for place in subject.found:
        groups[place[1].severity, place[1].rule].append(place)
    nodes: list[Node] = []
    for severity in Severity:
        own = {rule: places for (each, rule), places in sorted(groups.items()) if each is severity}
        if own:
            number = count(sum(map(len, own.values())), severity)
            nodes.append(element("h3", f"{number[0].upper()}{number[1:]}"))
            nodes.append(element("p", f"Each {severity} {_MEANS[severity]}."))
            nodes += [_rule(rule, places, severity) for rule, places in own.items()]
    return nodes


def _rule(rule: str, places: Sequence[Found], severity: Severity) -> Element:
    first = places[0][1]
    heading: list[Node] = [
        element("code", rule),
        f" {count(len(places), 'time')}, ",
        element("span", first.section, class_="section"),
    ]
    children: list[Node] = [element("summary", *heading, class_=severity.value), element("p", RULES[rule].meaning)]
    children.append(table(
        ("where", "packet", "by", "close code", "what"),
        (_place(*place) for place in places[:MOST_PLACES]),
        label=f"Where {rule} was found",
        numeric=("packet", "close code"),
    ))  # fmt: skip
    if (more := len(places) - MOST_PLACES) > 0:
        children.append(element("p", f"And {more:,} more; `wsviz lint FILE` lists all.", class_="left-out"))
    return element("details", *children, **({} if severity is Severity.NOTE else {"open": ""}))


def _place(connection: Connection | None, finding: Finding) -> tuple[Node, ...]:
    row = dict(zip(FINDINGS, finding_row(connection, finding), strict=True))
    return (
        "the file" if connection is None else f"connection {connection.index}",
        "" if row["packet"] is None else str(row["packet"]),
        row["culprit"] or "",
        "" if finding.close_code is None else str(finding.close_code),
        row["explanation"],
    )
