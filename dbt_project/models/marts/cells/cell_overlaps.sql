{# Beside the layer before: segments are facts of the assignment. #}
{# How many people two groups share: everybody, each cohort beside the control, each declared segment. Two published
   groups that differ by a few people would give those few away by subtraction. #}
with eligible as (
    select
        person_id,
        unit_id,
        cohort,
        arm
    from {{ ref('int_eligible') }}
),

pilot_cohorts as (
    select distinct cohort from eligible
    where arm = 'pilot'
),

segments as (
    select
        member_kind,
        member_id,
        segment
    from {{ ref('int_segments') }}
),

members as (
    select
        person_id,
        'all' as group_name
    from eligible
    union all
    select
        eligible.person_id,
        {{ dbt.concat(["'cohort: '", 'pilot_cohorts.cohort']) }} as group_name
    from eligible
    inner join pilot_cohorts
        on
            eligible.cohort = pilot_cohorts.cohort
            or eligible.arm = 'control'
    union all
    select
        eligible.person_id,
        segments.segment as group_name
    from eligible
    inner join segments
        on
            segments.member_kind = 'person'
            and eligible.person_id = segments.member_id
    union all
    select
        eligible.person_id,
        segments.segment as group_name
    from eligible
    inner join segments
        on
            segments.member_kind = 'unit'
            and eligible.unit_id = segments.member_id
),

placed as (
    select distinct
        person_id,
        group_name
    from members
),

sizes as (
    select
        group_name,
        count(*) as n_people
    from placed
    group by group_name
),

shared as (
    select
        one.group_name,
        other.group_name as other_group_name,
        count(*) as n_shared
    from placed as one
    inner join placed as other on one.person_id = other.person_id
    group by one.group_name, other.group_name
)

select
    shared.group_name,
    shared.other_group_name,
    cast(shared.n_shared as bigint) as n_shared,
    cast(one.n_people + other.n_people - 2 * shared.n_shared as bigint) as n_differing
from shared
inner join sizes as one on shared.group_name = one.group_name
inner join sizes as other on shared.other_group_name = other.group_name
