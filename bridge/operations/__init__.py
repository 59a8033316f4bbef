"""The pure translation of widget envelopes into LCM calls, and of LCM's results into replies."""
