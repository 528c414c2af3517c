select
    programme,
    assignment_unit,
    design,
    unlisted_units,
    joiners,
    retention_months
from {{ source('raw', 'raw_study__programmes') }}
