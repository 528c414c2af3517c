"""What each layer's tables promise, as data."""
