"""The scenarios, one file a family. A new family joins by one line in `SCENARIOS`."""

from . import echo, polling, websocket
from .scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario for scenario in (echo.ECHO, polling.POLL, websocket.WEBSOCKET)
}
