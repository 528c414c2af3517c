"""The one page that leadership reads."""
