"""Fuzz targets: whatever reads what a stranger wrote, with any bytes.

A target is a function of bytes that raises when something does not hold. The ordinary tests
(`tests/fuzz`) put the corpus to them, a few small inputs each; `make fuzz` looks for more, led by coverage.
"""
