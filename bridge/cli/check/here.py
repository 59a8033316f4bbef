"""What the settings and files on this side tell of a server, whatever that answers."""

from bridge.certificates import expiries
from bridge.cli.check.finding import Finding, expiry, warning
from bridge.exposure import exposures
from bridge.settings import Settings


def check(settings: Settings, server: str) -> list[Finding]:
    """Return what was found of a server, which is a group of settings."""
    renew = "renew it: workers use the new one without a restart"
    found = [
        expiry("file", one.at, renew, subject=one.setting)
        for one in expiries(settings)
        if one.server == server
    ]
    found += [
        warning("exposed", one.found, one.advice) for one in exposures(settings) if one.server == server
    ]
    return found
