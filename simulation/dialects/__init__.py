"""The same people, answers and goals as different systems export them, one function per layout."""
