"""Redis: the request ledger, the contacts that are reserved for an agent, and the hand brake."""
