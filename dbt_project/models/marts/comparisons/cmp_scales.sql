with cells as (
    select
        'all' as arm,
        launched_date,
        scale,
        item,
        n_items,
        n_people,
        deviation_sum,
        deviation_sum_of_squares
    from {{ ref('cell_scales') }}
    union all
    select
        arm,
        launched_date,
        scale,
        item,
        n_items,
        n_people,
        deviation_sum,
        deviation_sum_of_squares
    from {{ ref('cell_scales') }}
),

pooled as (
    select
        arm,
        launched_date,
        scale,
        item,
        max(n_items) as n_items,
        sum(n_people) as n_people,
        {{ exact_sum('deviation_sum') }} as total,
        {{ exact_sum('deviation_sum_of_squares') }} as squares
    from cells
    group by arm, launched_date, scale, item
),

varied as (
    select
        pooled.*,
        (pooled.squares - pooled.total * pooled.total / pooled.n_people) / nullif(pooled.n_people - 1, 0) as variance
    from pooled
),

scaled as (
    select
        arm,
        launched_date,
        scale,
        max(n_items) as n_items,
        max(n_people) as n_people,
        max(case when item = '(total)' then variance end) as total_variance,
        {{ exact_sum("case when item <> '(total)' then variance end") }} as item_variances
    from varied
    group by arm, launched_date, scale
)

-- Cronbach (1951): α = k ÷ (k − 1) · (1 − Σ s²ᵢ ÷ s²ₜ), over those who answered every item. One item has none.
select
    scaled.launched_date,
    scaled.scale,
    scaled.arm,
    cast(scaled.n_items as bigint) as n_items,
    cast(scaled.n_people as bigint) as n_people,
    case
        when scaled.n_items > 1 and scaled.total_variance > 0
            then round(cast(
                scaled.n_items * (1.0 - scaled.item_variances / scaled.total_variance) / (scaled.n_items - 1) as double
            ), 2)
    end as cronbach_alpha
from scaled
