{# Beside the layer before: it counts coaches, not units. #}
with coaches as (
    select * from {{ ref('int_coaches') }}
),

eligible as (
    select
        count(*) as n_people,
        sum(case when arm = 'pilot' then 1 else 0 end) as n_people_pilot
    from {{ ref('int_eligible') }}
),

loads as (
    select
        count(*) as n_coaches,
        sum(n_people) as n_people_coached,
        cast(sum(n_people) as double) / count(*) as mean_load,
        cast(percentile_cont(0.1) within group (order by n_people) as double) as low_load,
        cast(percentile_cont(0.5) within group (order by n_people) as double) as median_load,
        cast(percentile_cont(0.9) within group (order by n_people) as double) as high_load
    from coaches
    where n_people > 0
)

-- Coaches that everybody in the study would need, if each looked after as many as coaches do now: from a tenth of them
-- with the highest load to a tenth with the lowest.
select
    cast(loads.n_coaches as bigint) as n_coaches,
    cast(loads.n_people_coached as bigint) as n_people_coached,
    loads.mean_load,
    loads.low_load,
    loads.median_load,
    loads.high_load,
    cast(eligible.n_people as bigint) as n_people_in_study,
    cast(ceil(eligible.n_people / nullif(loads.high_load, 0)) as bigint) as n_coaches_needed_low,
    cast(ceil(eligible.n_people / nullif(loads.median_load, 0)) as bigint) as n_coaches_needed,
    cast(ceil(eligible.n_people / nullif(loads.low_load, 0)) as bigint) as n_coaches_needed_high
from loads
cross join eligible
where loads.n_coaches > 0
