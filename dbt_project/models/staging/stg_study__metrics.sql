-- The catalogue, and what the study adds to it by declaration.
{% set columns = [
    'metric', 'label', 'family', 'unit', 'kind', 'panel', 'source', 'measure', 'of_what', 'direction', 'lowest', 'highest',
    'closing_days'
] %}
select
    {{ columns | join(',\n    ') }}
from {{ ref('metrics') }}
union all
select
    {{ columns | join(',\n    ') }}
from {{ source('raw', 'raw_study__metrics') }}
