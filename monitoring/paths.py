"""Where the dashboard and its picture lie."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DASHBOARD: Final = ROOT / "helm" / "lcm-bridge" / "dashboards" / "lcm-bridge.json"
PICTURE: Final = ROOT / "docs" / "dashboard.png"
RULES: Final = ROOT / "helm" / "lcm-bridge" / "rules" / "lcm-bridge.yaml"
RECORD: Final = ROOT / "build" / "dashboard.json"
