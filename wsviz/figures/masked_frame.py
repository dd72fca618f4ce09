"""A frame with asterisks in place of its secrets, for what is drawn without being asked for its bytes."""

from __future__ import annotations

from dataclasses import replace

from wsviz.protocol.fields import Dissection
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.secrets import mask_bytes, mask_text


def without_secrets(dissection: Dissection[Frame]) -> tuple[Dissection[Frame], bool]:
    """The dissection with its secrets masked, which the changed fields say, and whether there were any.

    The frame itself stays as it is: `bit_diagram(captured.dissection)` draws every byte.
    """
    frame = dissection.value
    hidden = mask_bytes(frame.payload, same_size=True)
    findings = tuple(replace(each, explanation=mask_text(each.explanation)) for each in dissection.findings)
    if hidden == frame.payload:
        return replace(dissection, findings=findings), False
    copy = dissect_frame(replace(frame, payload=hidden).serialize())
    fields = tuple(
        replace(new, meaning=f"{new.meaning} (secrets as *)") if new.value != old.value else old
        for old, new in zip(dissection.fields, copy.fields, strict=True)
    )
    return replace(copy, fields=fields, findings=findings), True
