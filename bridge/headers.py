"""The names of the headers that the bridge reads and writes; `docs/contract.md` says what each means."""

from typing import Final

IDEMPOTENCY_KEY: Final = "idempotency-key"
"""Of a request, and of the event that tells of one."""

DEADLINE: Final = "x-deadline"
"""Of a request: unix milliseconds."""

# --- of a reply ---------------------------------------------------------------------------------

STATUS: Final = "x-bridge-status"
ERROR_TYPE: Final = "x-bridge-error-type"
CACHE: Final = "x-bridge-cache"
REPLAYED: Final = "x-bridge-replayed"
VERSION: Final = "x-bridge-version"

# --- what the bridge notes on a request that it sends on, see `bridge.forwarding` ------------------

ATTEMPTS: Final = "x-attempts"
REDELIVERED: Final = "x-redelivered"
HELD_SINCE: Final = "x-held-since"
ORIGINAL_EXCHANGE: Final = "x-original-exchange"
ORIGINAL_ROUTING_KEY: Final = "x-original-routing-key"
ORIGINAL_USER_ID: Final = "x-original-user-id"
ORIGINAL_EXPIRATION: Final = "x-original-expiration"
MESSAGE_ID_MADE: Final = "x-message-id-made"

# --- of a dead letter, beside them --------------------------------------------------------------

REASON: Final = "x-reason"
ERROR: Final = "x-error"
OPERATION: Final = "x-operation"
DEAD_LETTERED_AT: Final = "x-dead-lettered-at"
UNREADABLE: Final = "x-bridge-unreadable"
"""Names the properties that could not be read."""
EFFECT_DONE: Final = "x-effect-done"
"""Its side effect has happened: only the reply could not be told."""
BODY_BYTES: Final = "x-bridge-body-bytes"
"""It has the beginning of a body that was too large: how many bytes that had."""
