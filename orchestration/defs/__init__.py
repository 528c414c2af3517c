"""One module per room; each asset is a thin shell around a function of its room."""
