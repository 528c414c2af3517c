{# Beside the layer before: what people were like is a fact of their assignment, and no panel holds it. #}
{% set cell_window = 'over (partition by unit_id, characteristic)' %}
with segments as (
    select
        member_id as person_id,
        segment
    from {{ ref('int_segments') }}
    where member_kind = 'person'
),

segment_names as (
    select distinct segment from segments
),

eligible as (
    select
        person_id,
        unit_id,
        cohort,
        arm
    from {{ ref('int_eligible') }}
),

-- Numbers as they are; of a declared segment whether the person is in it.
described as (
    select
        person_id,
        characteristic,
        value
    from {{ ref('int_characteristics') }}
    union all
    select
        eligible.person_id,
        segment_names.segment as characteristic,
        case when segments.person_id is null then 0.0 else 1.0 end as value
    from eligible
    cross join segment_names
    left join segments
        on
            eligible.person_id = segments.person_id
            and segment_names.segment = segments.segment
),

placed as (
    select
        eligible.unit_id,
        eligible.cohort,
        eligible.arm,
        described.characteristic,
        described.value
    from described
    inner join eligible on described.person_id = eligible.person_id
),

averaged as (
    select
        placed.*,
        {{ exact_sum('value', over=cell_window) }} / count(placed.value) {{ cell_window }} as cell_mean
    from placed
)

select
    unit_id,
    cohort,
    arm,
    characteristic,
    cast(count(*) as bigint) as n_people,
    {{ exact_sum('value') }} as value_sum,
    {{ exact_sum('(value - cell_mean) * (value - cell_mean)') }} as centred_sum_of_squares
from averaged
group by unit_id, cohort, arm, characteristic
