"""The page's tables, by subject."""
