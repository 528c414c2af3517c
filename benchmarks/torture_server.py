"""What the children of `benchmarks.torture` inherit: everything imported, the graph made, nothing used."""

import great_expectations  # noqa: F401

from benchmarks.torture import home
from orchestration.definitions import graph

graph(home())
