"""The checks of the opening handshake, one row each: what RFC 6455 4 expects, and what stands there."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

from wsviz.protocol.fields import Dissection, Finding, ProtocolError, Side
from wsviz.protocol.grammar import TOKEN, Extension, has_token, split_list
from wsviz.protocol.handshake_rules import HANDSHAKE_RULES as RULES
from wsviz.protocol.http_message import Request, Response
from wsviz.protocol.negotiation import extension_list, is_deflate, misfit, read_offer

_ABSOLUTE = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
# RFC 6454 7.1: serialized-origin = scheme "://" host [ ":" port ]; browser extensions have schemes of their own
_ORIGIN = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*")
_TOKEN = re.compile(TOKEN)
_LONGEST_SHOWN = 200  # characters


class Check(NamedTuple):
    """One row: what is checked, what the RFC expects, what was found, where the RFC says so, and the verdict."""

    name: str
    expected: str
    actual: str
    section: str
    passed: bool


class Judge:
    """Collects the checks and the findings of one half of the handshake."""

    def __init__(self, half: Dissection[Request] | Dissection[Response], side: Side) -> None:
        self.half, self.side = half, side
        self.checks: list[Check] = []
        self.findings: list[Finding] = []

    def check(
        self,
        name: str,
        expected: str,
        actual: str,
        section: str,
        fault: str | None,
        *,
        header: str = "",
        why: str = "",
    ) -> None:
        """Add a row; `fault` is the rule that is broken, None where it passes; `why` replaces the usual words."""
        side = "request" if self.side is Side.CLIENT else "response"
        self.checks.append(Check(f"{side} {name}", expected, actual, section, fault is None))
        if fault is not None:
            self.find(fault, f"{side} {name}: {why or f'got {actual}, expected {expected}'}", header)

    def find(self, rule: str, explanation: str, header: str = "") -> None:
        """Add a finding, placed at the first header line of that name."""
        offset = 0
        for field in self.half.fields if header else ():
            if field.name == "Field name" and bytes(field.value).decode("latin-1").lower() == header.lower():
                offset = field.start // 8
                break
        place = "Field value" if header and offset else None
        self.findings.append(RULES[rule].finding(explanation, culprit=self.side, field=place, offset=offset))


def shown(values: list[str]) -> str:
    """Header values as a row shows them."""
    if not values:
        return "nothing"
    text = ", ".join(values)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]} ... ({len(text):,} characters)"


def judge_request(dissection: Dissection[Request]) -> Judge:
    """The rows of the client's half (RFC 6455 4.1, 4.2.1)."""
    judge, request = Judge(dissection, Side.CLIENT), dissection.value
    fault = None if request.method == "GET" else "handshake-method"
    judge.check("method", "GET", shown([request.method]), "RFC 6455 4.1", fault)
    fault = None if _at_least_1_1(request.version) else "handshake-version-too-low"
    judge.check("HTTP version", "HTTP/1.1 or higher", request.version, "RFC 6455 4.1", fault)
    absolute = _ABSOLUTE.match(request.target)
    well = (request.target.startswith("/") or absolute) and "#" not in request.target
    fault = None if well else "handshake-target"
    judge.check("target", "/path?query, no fragment", shown([request.target]), "RFC 6455 4.1", fault)
    _check_host(judge, dissection, absolute[1] if absolute else None)
    upgrade, connection = request.header_values("Upgrade"), request.header_values("Connection")
    fault = None if has_token(", ".join(upgrade), "websocket") else "upgrade-missing"
    judge.check("Upgrade", "the token websocket", shown(upgrade), "RFC 6455 4.1", fault, header="Upgrade")
    fault = None if has_token(", ".join(connection), "upgrade") else "connection-upgrade-missing"
    judge.check("Connection", "the token Upgrade", shown(connection), "RFC 6455 4.1", fault, header="Connection")
    _check_key_and_version(judge, request)
    origins = request.header_values("Origin")
    bad = len(origins) > 1 or any(not _ORIGIN.fullmatch(origin) for origin in origins)
    fault = "origin-invalid" if bad else None
    judge.check("Origin", "one origin; nothing from programs", shown(origins), "RFC 6454 7", fault, header="Origin")
    _check_offers(judge, request)
    return judge


def _at_least_1_1(version: str) -> bool:
    return version[-3:] >= "1.1"


def _check_host(judge: Judge, dissection: Dissection[Request], authority: str | None) -> None:
    """One valid Host; that it is one and valid is a rule of HTTP, whose findings the dissection has already."""
    hosts = dissection.value.header_values("Host")
    passed = bool(hosts) and not any(finding.rule.startswith("host-") for finding in dissection.findings)
    judge.checks.append(Check("request Host", "one host", shown(hosts), "RFC 9112 3.2", passed))
    if authority is not None and hosts and hosts[0].lower() != authority.lower():
        judge.checks.pop()
        judge.check("Host", shown([authority]), shown(hosts), "RFC 9112 3.2.2", "host-differs", header="Host")


def _check_key_and_version(judge: Judge, request: Request) -> None:
    keys, versions = request.header_values("Sec-WebSocket-Key"), request.header_values("Sec-WebSocket-Version")
    fault = None
    if len(keys) != 1:
        fault = "key-repeated" if keys else "key-missing"
    elif not is_key(keys[0]):
        fault = "key-invalid"
    name = "Sec-WebSocket-Key"
    judge.check(name, "16 bytes in Base64, once", shown(keys), "RFC 6455 4.1", fault, header=name)
    fault = None
    if len(versions) != 1:
        fault = "version-repeated" if versions else "version-missing"
    elif versions[0] != "13":
        fault = "version-not-13"
    name = "Sec-WebSocket-Version"
    judge.check(name, "13, once", shown(versions), "RFC 6455 4.1", fault, header=name)


def is_key(key: str) -> bool:
    """Whether a text is 16 bytes in Base64."""
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _check_offers(judge: Judge, request: Request) -> None:
    offered = split_list(request.header("Sec-WebSocket-Protocol") or "")
    present = request.header("Sec-WebSocket-Protocol") is not None
    bad = len(set(offered)) < len(offered) or not all(map(_TOKEN.fullmatch, offered)) or (present and not offered)
    fault = "subprotocol-offer-invalid" if bad else None
    name = "Sec-WebSocket-Protocol"
    judge.check(name, "tokens, each once, or nothing", shown(offered), "RFC 6455 4.1", fault, header=name)
    value, why, fault = request.header("Sec-WebSocket-Extensions"), "", None
    try:
        offers = extension_list(value or "")
    except ProtocolError as error:
        fault, why, offers = "extensions-invalid", str(error), []
    for offer in offers:
        try:
            if is_deflate(offer):
                read_offer(offer)
        except ProtocolError as error:
            fault, why = "deflate-offer-invalid", str(error)
    actual, name = shown([value] if value is not None else []), "Sec-WebSocket-Extensions"
    judge.check(name, "valid offers, or nothing", actual, "RFC 6455 9.1", fault, header=name, why=why)


def judge_response(dissection: Dissection[Response], request: Request) -> Judge:
    """The rows of the server's half (RFC 6455 4.1, 4.2.2); of a refused upgrade, the status alone."""
    judge, response = Judge(dissection, Side.SERVER), dissection.value
    judge.checks.append(Check("response status", "101", _status(response), "RFC 6455 4.1", response.status == 101))
    if response.status != 101:
        _judge_refusal(judge, request, response)
        return judge
    fault = None if _at_least_1_1(response.version) else "handshake-version-too-low"
    judge.check("HTTP version", "HTTP/1.1 or higher", response.version, "RFC 6455 4.2.2", fault)
    upgrade, connection = response.header_values("Upgrade"), response.header_values("Connection")
    fault = None if [value.lower() for value in upgrade] == ["websocket"] else "upgrade-missing"
    judge.check("Upgrade", "websocket and nothing else", shown(upgrade), "RFC 6455 4.1", fault, header="Upgrade")
    fault = None if has_token(", ".join(connection), "upgrade") else "connection-upgrade-missing"
    judge.check("Connection", "the token Upgrade", shown(connection), "RFC 6455 4.1", fault, header="Connection")
    _check_subprotocol(judge, request, response)
    _check_extensions(judge, request, response)
    return judge


def _status(response: Response) -> str:
    return shown([f"{response.status} {response.reason}".strip()])


def _judge_refusal(judge: Judge, request: Request, response: Response) -> None:
    judge.find("upgrade-refused", f"the server answers {_status(response)}: ordinary HTTP")
    # A client that asks for 13 learns nothing from being told so: then the refusal has another reason.
    foreign = request.header("Sec-WebSocket-Version") != "13"
    if foreign and response.status in (400, 426) and response.header("Sec-WebSocket-Version") is None:
        name = "Sec-WebSocket-Version"
        judge.check(name, "the versions it speaks", "nothing", "RFC 6455 4.4", "version-not-told")


def check_accept(judge: Judge, response: Response, expected: str | None) -> None:
    """The row of the accept key; `expected` is None where the request has no key to answer."""
    values = response.header_values("Sec-WebSocket-Accept")
    fault = None
    if len(values) != 1:
        fault = "accept-repeated" if values else "accept-missing"
    elif values[0] != expected:
        fault = "accept-wrong"
    name = "Sec-WebSocket-Accept"
    if expected is None:  # the client's fault, which has its finding already
        row = "no answer: the request has no single key"
        judge.checks.append(Check(f"response {name}", row, shown(values), "RFC 6455 4.2.2", False))
    else:
        judge.check(name, expected, shown(values), "RFC 6455 4.1", fault, header=name)


def chosen_subprotocol(request: Request, response: Response) -> str | None:
    """The subprotocol that was offered and chosen; None where there is none."""
    chosen = response.header_values("Sec-WebSocket-Protocol")
    offered = split_list(request.header("Sec-WebSocket-Protocol") or "")
    return chosen[0] if len(chosen) == 1 and chosen[0] in offered else None


def _check_subprotocol(judge: Judge, request: Request, response: Response) -> None:
    offered = split_list(request.header("Sec-WebSocket-Protocol") or "")
    chosen, fault = response.header_values("Sec-WebSocket-Protocol"), None
    if len(chosen) > 1 or any("," in value for value in chosen):
        fault = "subprotocol-repeated"
    elif chosen and chosen[0] not in offered:
        fault = "subprotocol-not-offered"
    expected = f"one of {shown(offered)}, or nothing" if offered else "nothing"
    name = "Sec-WebSocket-Protocol"
    judge.check(name, expected, shown(chosen), "RFC 6455 4.1", fault, header=name)
    if offered and not chosen:
        judge.find(
            "subprotocol-none", f"none of {shown(offered)} is chosen: browsers fail the connection, others go on"
        )


def _check_extensions(judge: Judge, request: Request, response: Response) -> None:
    try:
        offers = extension_list(request.header("Sec-WebSocket-Extensions") or "")
    except ProtocolError:
        offers = []
    value, why, fault = response.header("Sec-WebSocket-Extensions"), "", None
    try:
        fault, why = _extension_fault(offers, extension_list(value or ""))
    except ProtocolError as error:
        fault, why = "extensions-invalid", str(error)
    expected = (
        f"from {shown([request.header('Sec-WebSocket-Extensions') or ''])}, or nothing" if offers else "nothing"
    )
    actual, name = shown([value] if value is not None else []), "Sec-WebSocket-Extensions"
    judge.check(name, expected, actual, "RFC 6455 4.1", fault, header=name, why=why)


def _extension_fault(offers: list[Extension], answers: list[Extension]) -> tuple[str | None, str]:
    """The first thing wrong with the answered extensions: (rule, explanation)."""
    answered = False
    for answer in answers:
        same = [offer for offer in offers if offer.name.lower() == answer.name.lower()]
        if not same:
            return "extension-not-offered", f"{shown([answer.name])} was not offered"
        if is_deflate(answer):
            misfits = [misfit(offer, answer) for offer in same]
            if answered:
                return "deflate-answer-invalid", "permessage-deflate is accepted twice"
            if None not in misfits:
                return "deflate-answer-invalid", misfits[0] or ""
            answered = True
    return None, ""
