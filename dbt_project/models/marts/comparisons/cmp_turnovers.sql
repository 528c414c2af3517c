{# The same leavers under every formula in use: Finance and HR differ by the denominator, not by the facts. #}
with cells as (
    select * from {{ ref('cell_turnovers') }}
),

programme as (
    select turnover_formula from {{ ref('stg_study__programmes') }}
),

-- By cohort and arm, as units stand in the month (not as assigned), and everybody.
scoped as (
    select
        cells.*,
        'cohort' as scope,
        cells.cohort as population
    from cells
    union all
    select
        cells.*,
        'arm' as scope,
        cells.arm as population
    from cells
    where cells.arm <> 'not in the study'
    union all
    select
        cells.*,
        'all' as scope,
        'everybody' as population
    from cells
),

months as (
    select
        scope,
        population,
        month,
        sum(n_opening) as n_opening,
        sum(n_closing) as n_closing,
        sum(n_hires) as n_hires,
        sum(n_leavers) as n_leavers,
        sum(n_voluntary) as n_voluntary,
        sum(n_involuntary) as n_involuntary,
        sum(n_regretted) as n_regretted,
        sum(n_person_days) as n_person_days
    from scoped
    group by scope, population, month
),

spanned as (
    {% for span in ['quarter', 'year'] %}
        select
            '{{ span }}' as span,
            cast({{ dbt.date_trunc(span, 'month') }} as date) as span_start,
            {{ 3 if span == 'quarter' else 12 }} as n_months_of_span,
        {{ dbt.datediff(
            'cast(' ~ dbt.date_trunc(span, 'month') ~ ' as date)',
            'cast(' ~ dbt.last_day('month', span) ~ ' as date)' if span == 'quarter'
            else 'cast(' ~ dbt.dateadd('day', -1, dbt.dateadd('year', 1, dbt.date_trunc(span, 'month'))) ~ ' as date)',
            'day'
        ) }} + 1 as n_days_of_span,
            months.*
        from months
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

ends as (
    select
        spanned.*,
        row_number()
            over (
                partition by spanned.span, spanned.scope, spanned.population, spanned.span_start order by spanned.month
            )
            as row_rank,
        row_number()
            over (
                partition by spanned.span, spanned.scope, spanned.population, spanned.span_start
                order by spanned.month desc
            )
            as turn_back
    from spanned
),

-- Whole quarters and years only: part of one compares with nothing.
facts as (
    select
        span,
        scope,
        population,
        span_start,
        max(n_months_of_span) as n_months,
        max(n_days_of_span) as n_days,
        sum(case when row_rank = 1 then n_opening else 0 end) as n_opening,
        sum(case when turn_back = 1 then n_closing else 0 end) as n_closing,
        sum(n_hires) as n_hires,
        sum(n_leavers) as n_leavers,
        sum(n_voluntary) as n_voluntary,
        sum(n_involuntary) as n_involuntary,
        sum(n_regretted) as n_regretted,
        sum(n_person_days) as n_person_days,
        sum(n_opening + n_closing) / 2.0 / count(*) as monthly_mean,
        sum(case when turn_back = 1 then n_leavers else 0 end) as n_last_leavers,
        sum(case when turn_back = 1 then n_opening + n_closing else 0 end) / 2.0 as last_mean
    from ends
    group by span, scope, population, span_start
    having count(*) = max(n_months_of_span)
),

formulas as (
    {%- set formulas = {
        'opening_headcount': ('facts.n_leavers', 'facts.n_opening'),
        'last_month': ('facts.n_last_leavers * facts.n_months', 'facts.last_mean'),
        'start_and_end': ('facts.n_leavers', '(facts.n_opening + facts.n_closing) / 2.0'),
        'monthly_means': ('facts.n_leavers', 'facts.monthly_mean'),
        'person_years': ('facts.n_leavers', 'cast(facts.n_person_days as double) / facts.n_days'),
    } %}
    {% for formula, (numerator, denominator) in formulas.items() %}
        select
            facts.*,
            '{{ formula }}' as formula,
            cast({{ numerator }} as double) as numerator,
            cast({{ denominator }} as double) as denominator
        from facts
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    formulas.span,
    formulas.span_start,
    formulas.scope,
    formulas.population,
    formulas.formula,
    formulas.formula = programme.turnover_formula as is_chosen,
    cast(formulas.n_opening as bigint) as n_opening,
    cast(formulas.n_closing as bigint) as n_closing,
    cast(formulas.n_hires as bigint) as n_hires,
    cast(formulas.n_leavers as bigint) as n_leavers,
    cast(formulas.n_voluntary as bigint) as n_voluntary,
    cast(formulas.n_involuntary as bigint) as n_involuntary,
    cast(formulas.n_regretted as bigint) as n_regretted,
    cast(formulas.denominator as double) as denominator,
    cast(formulas.numerator / nullif(formulas.denominator, 0) as double) as turnover
from formulas
cross join programme
