"""Text records into typed, pseudonymised rows, by the mapping's declaration."""
