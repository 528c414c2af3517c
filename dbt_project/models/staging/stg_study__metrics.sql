-- The catalogue, and what the study adds to it by declaration.
select
    metric,
    label,
    family,
    unit,
    written_as,
    kind,
    panel,
    source,
    measure,
    of_what,
    direction,
    lowest,
    highest,
    closing_days,
    link
from {{ source('raw', 'raw_study__metrics') }}
