"""permessage-deflate in the handshake: which answers fit an offer, which one a server gives (RFC 7692 7.1)."""

from __future__ import annotations

from wsviz.protocol.deflate import NAME, DeflateParameters
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.grammar import Extension, parse_extensions

_CLIENT_BITS, _SERVER_BITS, _SERVER_RESETS = (
    "client_max_window_bits",
    "server_max_window_bits",
    "server_no_context_takeover",
)
_BITS: list[str | None] = [str(bits) for bits in range(8, 16)]


def extension_list(value: str) -> list[Extension]:
    """Read a Sec-WebSocket-Extensions value; raises ProtocolError where it breaks the grammar (RFC 6455 9.1)."""
    try:
        return parse_extensions(value)
    except ValueError as error:
        raise ProtocolError(str(error)) from None


def is_deflate(extension: Extension) -> bool:
    return extension.name.lower() == NAME


def read_offer(offer: Extension) -> DeflateParameters:
    """Read an offer of permessage-deflate; raises ProtocolError for one that a server declines."""
    # Only an offer may name the parameter without a value: "any window will do" (7.1.2.2).
    parameters = [(name, "15" if name == _CLIENT_BITS and not value else value) for name, value in offer.parameters]
    if (_CLIENT_BITS, "") in offer.parameters:
        raise ProtocolError(f"{_CLIENT_BITS} has an empty value")
    return DeflateParameters.of(Extension(offer.name, tuple(parameters)))


def misfit(offer: Extension, answer: Extension) -> str | None:
    """Why an answer of permessage-deflate does not fit an offer; None where it does."""
    try:
        wanted, given = read_offer(offer), DeflateParameters.of(answer)
    except ProtocolError as error:
        return str(error)
    offered, answered = dict(offer.parameters), dict(answer.parameters)
    if _CLIENT_BITS in answered and _CLIENT_BITS not in offered:
        return f"{_CLIENT_BITS} was not offered"
    for name in (_SERVER_BITS, _SERVER_RESETS):
        if name in offered and name not in answered:
            return f"{name} was asked for and is not granted"
    for name in (_SERVER_BITS, _CLIENT_BITS):
        if name in answered and getattr(given, name) > getattr(wanted, name):
            return f"{name} is {answered[name]}, expected at most {offered[name]}"
    return None


def answer_to(offers: list[Extension], supported: Extension) -> Extension | None:
    """What a server that supports an extension answers to the offers, in their order; None where it declines.

    Raises ProtocolError where the supported parameters of permessage-deflate are invalid.
    """
    same = [offer for offer in offers if offer.name.lower() == supported.name.lower()]
    if not is_deflate(supported):
        return supported if same else None
    read_offer(supported)
    answers = [(offer, _grant(offer, dict(supported.parameters))) for offer in same]
    return next((answer for offer, answer in answers if misfit(offer, answer) is None), None)


def _grant(offer: Extension, own: dict[str, str | None]) -> Extension:
    """The server's own parameters with what the offer asks of it: a parameter left out would be a refusal."""
    asked = dict(offer.parameters)
    if _SERVER_RESETS in asked:
        own[_SERVER_RESETS] = None
    for name in (_SERVER_BITS, _CLIENT_BITS):
        limits = [limit for limit in (own.get(name), asked.get(name)) if limit in _BITS]
        if limits and (name in own or name == _SERVER_BITS):
            own[name] = min(limits, key=_BITS.index)
        else:
            own.pop(name, None)
    return Extension(offer.name, tuple(own.items()))


def extension_text(extensions: list[Extension]) -> str:
    """The header's value that says these extensions."""
    return ", ".join(
        "; ".join([name, *(key if value is None else f"{key}={value}" for key, value in parameters)])
        for name, parameters in extensions
    )
