"""Redis: the cache of contacts that are reserved for an agent."""
