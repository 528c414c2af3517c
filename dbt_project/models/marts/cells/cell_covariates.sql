{# Beside the layer before: covariates are facts of the assignment, and no panel holds them. #}
{# Products of declared baseline covariates, centred at the mean of everybody eligible, with each other, with one and
   with the within-person change: Σx, Σxxᵀ and ΣxΔy over those whose change is known. #}
{% set covariates = ['age_years', 'fte', 'tenure_years'] %}
{% set products = [] %}
{% for one in covariates %}
    {% do products.append((one, 'one', 'described.' ~ one)) %}
    {% do products.append((one, 'change', 'described.' ~ one ~ ' * changes.change')) %}
    {% for other in covariates if other >= one %}
        {% do products.append((one, other, 'described.' ~ one ~ ' * described.' ~ other)) %}
    {% endfor %}
{% endfor %}
with changes as (
    select * from {{ ref('pnl_changes') }}
),

declared as (
    select covariate from {{ source('raw', 'raw_study__covariates') }}
),

means as (
    select
        characteristics.characteristic as covariate,
        {{ exact_sum('characteristics.value') }} / count(*) as overall_mean
    from {{ ref('int_characteristics') }} as characteristics
    inner join declared on characteristics.characteristic = declared.covariate
    group by characteristics.characteristic
),

described as (
    select
        characteristics.person_id,
        {%- for covariate in covariates %}
            max(
                case when means.covariate = '{{ covariate }}' then characteristics.value - means.overall_mean end
            ) as {{ covariate }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('int_characteristics') }} as characteristics
    inner join means on characteristics.characteristic = means.covariate
    group by characteristics.person_id
),

summed as (
    select
        changes.metric,
        changes.unit_id,
        changes.period_start,
        changes.base_period_start,
        {%- for one, other, product in products %}
            count({{ product }}) as n_{{ one }}_{{ other }},
            {{ exact_sum(product) }} as sum_{{ one }}_{{ other }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from changes
    inner join described on changes.person_id = described.person_id
    group by changes.metric, changes.unit_id, changes.period_start, changes.base_period_start
),

-- One row per product again: who asks for a covariate need not know the others.
united as (
    {% for one, other, product in products %}
        select
            metric,
            unit_id,
            period_start,
            base_period_start,
            '{{ one }}' as covariate,
            '{{ other }}' as times,
            n_{{ one }}_{{ other }} as n_people,
            sum_{{ one }}_{{ other }} as product_sum
        from summed
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

with_kept as (
    select
        metric,
        unit_id,
        period_start,
        base_period_start,
        covariate,
        times,
        cast(n_people as bigint) as n_people,
        product_sum
    from united
    where n_people > 0
    union all
    select
        kept.metric,
        kept.unit_id,
        kept.period_start,
        kept.base_period_start,
        kept.covariate,
        kept.times,
        kept.n_people,
        kept.product_sum
    from {{ source('closed', 'cell_covariates') }} as kept
    inner join {{ ref('pnl_pairs') }} as pairs
        on
            kept.metric = pairs.metric
            and kept.period_start = pairs.period_start
            and kept.base_period_start = pairs.base_period_start
            and pairs.is_kept
)

select
    with_kept.metric,
    with_kept.unit_id,
    units.cohort,
    units.arm,
    with_kept.period_start,
    with_kept.base_period_start,
    with_kept.covariate,
    with_kept.times,
    with_kept.n_people,
    with_kept.product_sum
from with_kept
inner join {{ ref('cell_units') }} as units on with_kept.unit_id = units.unit_id
