"""``lcm-bridge check``: tests RabbitMQ, Redis and LCM, and says what is wrong and what to do."""

from bridge.cli.check.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
