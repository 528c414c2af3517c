{# Beside the layer before: outputs are columns that only the study names, so staging has no model of them. #}
with months as (
    select * from {{ ref('int_person_months') }}
),

observation as (
    select observed_through_date from {{ ref('int_observation_window') }}
),

outcomes as (
    select
        metric,
        period,
        measure,
        of_what
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_activity'
),

periods as (
    select distinct period from outcomes
),

summed as (
    select
        periods.period,
        months.person_id,
        months.unit_id,
        months.cohort,
        months.arm,
        months.kickoff_date,
        {{ period_of('months.month', 'periods.period') }} as period_start,
        {%- for measure in measures() %}
            {{ exact_sum('months.' ~ measure) }} as {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from months
    cross join periods
    group by
        periods.period,
        months.person_id,
        months.unit_id,
        months.cohort,
        months.arm,
        months.kickoff_date,
        {{ period_of('months.month', 'periods.period') }}
),

-- Numeric columns of the HR export that a mapping declares as attributes: months without one say nothing.
declared as (
    select
        outcomes.metric,
        observed.person_id,
        {{ period_of('observed.month', 'outcomes.period') }} as period_start,
        {{ exact_sum('attributes.number') }} as numerator,
        {{ exact_sum("case outcomes.of_what when 'fte_months' then observed.fte else 1.0 end") }} as denominator
    from {{ ref('int_observed') }} as observed
    inner join {{ source('raw', 'raw_hris__attributes') }} as attributes
        on
            observed.load_id = attributes.load_id
            and observed.line = attributes.line
    inner join outcomes on outcomes.measure = {{ dbt.concat(["'output:'", 'attributes.attribute']) }}
    where attributes.number is not null
    group by outcomes.metric, observed.person_id, {{ period_of('observed.month', 'outcomes.period') }}
),

exported as (
    select distinct metric from declared
),

divided as (
    select
        outcomes.metric,
        outcomes.of_what,
        summed.period,
        summed.person_id,
        summed.unit_id,
        summed.cohort,
        summed.arm,
        summed.kickoff_date,
        summed.period_start,
        coalesce(declared.numerator, {{ measure_named('outcomes.measure') }}) as numerator,
        case
            when exported.metric is not null then declared.denominator
            else {{ measure_named('outcomes.of_what') }}
        end as denominator
    from summed
    inner join outcomes on summed.period = outcomes.period
    left join exported on outcomes.metric = exported.metric
    left join declared
        on
            outcomes.metric = declared.metric
            and summed.person_id = declared.person_id
            and summed.period_start = declared.period_start
),

closing as (
    select
        divided.*,
        divided.numerator / nullif(divided.denominator, 0) as value,
        {{ period_end('period_start', 'divided.period') }} as observed_date
    from divided
)

select
    closing.metric,
    'person' as subject_kind,
    closing.person_id as subject_id,
    closing.unit_id,
    closing.cohort,
    closing.arm,
    closing.kickoff_date,
    closing.period_start as observed_from_date,
    closing.observed_date,
    closing.period_start,
    closing.value,
    case
        when closing.value is null then {{ dbt.concat(["'no '", "replace(closing.of_what, '_', ' ')"]) }}
    end as missing_reason
from closing
cross join observation
-- A quarter that is still running would compare a part with a whole.
where closing.observed_date <= observation.observed_through_date
