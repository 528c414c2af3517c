{{ config(meta={'dagster': {'ref': {'name': 'cmp_trends'}}}) }}
-- Conservation: what stands by cohort or arm sums to the cells, and parts of a whole to the whole.
with trends as (
    select
        'cmp_trends' as place,
        {{ dbt.concat(['metric', "' by '", 'scope']) }} as what,
        sum(n_observed) as n_parts
    from {{ ref('cmp_trends') }}
    group by metric, scope
),

scopes as (
    select 'cohort' as scope
    union all
    select 'arm' as scope
),

cells as (
    select
        'cmp_trends' as place,
        {{ dbt.concat(['cell_means.metric', "' by '", 'scopes.scope']) }} as what,
        sum(cell_means.n_observed) as n_whole
    from {{ ref('cell_means') }} as cell_means
    cross join scopes
    where cell_means.segment = 'all'
    group by cell_means.metric, scopes.scope
),

scales as (
    select
        'cmp_scales' as place,
        {{ dbt.concat(['scale', "' '", 'cast(launched_date as ' ~ dbt.type_string() ~ ')']) }} as what,
        sum(case when arm = 'all' then 0 else n_people end) as n_parts,
        sum(case when arm = 'all' then n_people else 0 end) as n_whole
    from {{ ref('cmp_scales') }}
    group by scale, launched_date
),

years as (
    select
        span_start,
        scope,
        n_leavers
    from {{ ref('cmp_turnovers') }}
    where
        span = 'year'
        and formula = 'person_years'
),

-- A cohort whose last unit was closed in a year has no whole one.
whole_years as (
    select years.span_start
    from years
    where years.scope = 'cohort'
    group by years.span_start
    having count(*) = (select count(distinct cell_turnovers.cohort) from {{ ref('cell_turnovers') }} as cell_turnovers)
),

turnovers as (
    select
        'cmp_turnovers' as place,
        cast(years.span_start as {{ dbt.type_string() }}) as what,
        sum(case when years.scope = 'cohort' then years.n_leavers else 0 end) as n_parts,
        sum(case when years.scope = 'all' then years.n_leavers else 0 end) as n_whole
    from years
    inner join whole_years on years.span_start = whole_years.span_start
    group by years.span_start
),

compared as (
    select
        trends.place,
        trends.what,
        trends.n_parts,
        cells.n_whole
    from trends
    full outer join cells on trends.what = cells.what
    union all
    select
        place,
        what,
        n_parts,
        n_whole
    from scales
    union all
    select
        place,
        what,
        n_parts,
        n_whole
    from turnovers
)

select * from compared
where coalesce(n_parts, -1) <> coalesce(n_whole, -1)
