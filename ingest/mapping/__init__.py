"""Mappings: what a file holds and where each field stands, as a typed model; finding, drafting and previewing them."""
