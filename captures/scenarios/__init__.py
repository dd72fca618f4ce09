"""The scenarios, one file a family. A new family joins by one line in `SCENARIOS`."""

from . import (
    browser_client,
    closing,
    deflate,
    echo,
    email_change,
    flow,
    frames,
    gets,
    handshakes,
    latency,
    mechanisms,
    messages,
    mystery,
    nginx,
    tls,
)
from .scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *gets.ALL,
        *email_change.ALL,
        *mechanisms.ALL,
        latency.LATENCY,
        handshakes.HANDSHAKE_MATRIX,
        echo.ECHO,
        *frames.ALL,
        *closing.ALL,
        deflate.DEFLATE,
        *messages.ALL,
        *flow.ALL,
        browser_client.BROWSER,
        *nginx.ALL,
        *tls.ALL,
        mystery.MYSTERY,
    )
}
