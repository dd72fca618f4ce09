"""permessage-deflate in the opening handshake: which answers fit an offer, which one a server gives (RFC 7692 7.1)."""

from __future__ import annotations

from wsviz.protocol.deflate import NAME, DeflateParameters
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.grammar import Extension, parse_extensions

_CLIENT_BITS, _SERVER_BITS, _SERVER_RESETS = (
    "client_max_window_bits",
    "server_max_window_bits",
    "server_no_context_takeover",
)


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
        given = DeflateParameters.of(answer)
    except ProtocolError as error:
        return str(error)
    try:
        wanted = read_offer(offer)
    except ProtocolError as error:
        return f"the offer is invalid: {error}"
    offered, answered = dict(offer.parameters), dict(answer.parameters)
    if _CLIENT_BITS in answered and _CLIENT_BITS not in offered:
        return f"{_CLIENT_BITS} was not offered"
    if given.client_max_window_bits > wanted.client_max_window_bits and _CLIENT_BITS in answered:
        return f"{_CLIENT_BITS} is {given.client_max_window_bits}, offered {wanted.client_max_window_bits}"
    for name in (_SERVER_BITS, _SERVER_RESETS):
        if name in offered and name not in answered:
            return f"{name} was asked for and is not granted"
    if _SERVER_BITS in offered and given.server_max_window_bits > wanted.server_max_window_bits:
        return f"{_SERVER_BITS} is {given.server_max_window_bits}, offered {wanted.server_max_window_bits}"
    return None


def answer_to(offers: list[Extension], supported: Extension) -> Extension | None:
    """What a server that supports an extension answers to the offers, in their order; None where it declines."""
    for offer in offers:
        if offer.name.lower() != supported.name.lower():
            continue
        if not is_deflate(supported):
            return supported
        # Grant what the offer asks of the server: a parameter left out of the answer would be a refusal.
        own, asked = dict(supported.parameters), dict(offer.parameters)
        if _SERVER_RESETS in asked:
            own[_SERVER_RESETS] = None
        for name in (_SERVER_BITS, _CLIENT_BITS):
            if (limit := asked.get(name)) is not None and (name == _SERVER_BITS or name in own):
                own[name] = min(own.get(name) or limit, limit, key=int) if limit.isdecimal() else limit
        answer = Extension(supported.name, tuple(own.items()))
        if misfit(offer, answer) is None:
            return answer
    return None


def extension_text(extensions: list[Extension]) -> str:
    """The header's value that says these extensions."""
    return ", ".join(
        "; ".join([name, *(key if value is None else f"{key}={value}" for key, value in parameters)])
        for name, parameters in extensions
    )
