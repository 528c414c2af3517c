"""A person's records out of the files, and out of every file that comes later."""
