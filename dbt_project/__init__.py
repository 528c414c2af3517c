"""The dbt project as package data: from `raw` to `comparisons`, all SQL. Nothing here is Python but this line."""
