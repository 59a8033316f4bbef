"""The demonstration, and the private servers that it and the test suite run on."""
