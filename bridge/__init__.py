"""lcm-bridge: widget envelopes from RabbitMQ, translated into calls of the LCM WebService."""

__version__ = "0.1.0"
