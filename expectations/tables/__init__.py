"""The small tables that the gate judges, from the warehouse."""
