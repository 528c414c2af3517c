with people as (
    select
        metric,
        subject_id,
        unit_id,
        cohort,
        arm,
        period_start,
        value
    from {{ ref('pnl_values') }}
    where
        subject_kind = 'person'
        and value is not null
)

select
    later.metric,
    later.subject_id as person_id,
    later.unit_id,
    later.cohort,
    later.arm,
    later.period_start,
    pairs.base_period_start,
    later.value - earlier.value as change
from people as later
inner join {{ ref('pnl_pairs') }} as pairs
    on
        later.metric = pairs.metric
        and later.period_start = pairs.period_start
        and not pairs.is_kept
inner join people as earlier
    on
        pairs.metric = earlier.metric
        and pairs.base_period_start = earlier.period_start
        and later.subject_id = earlier.subject_id
