"""Readers, one module per format: a file as batches of text records with line numbers, or a refusal."""
