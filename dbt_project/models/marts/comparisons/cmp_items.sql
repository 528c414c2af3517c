with cells as (
    select * from {{ ref('cell_items') }}
),

-- The dictionary: how the mappings of the wave describe the item.
items as (
    select
        launched_date,
        scale,
        item,
        min(lowest) as lowest,
        max(highest) as highest,
        max(case when is_reversed then 1 else 0 end) = 1 as is_reversed
    from {{ ref('stg_survey__answers') }}
    group by launched_date, scale, item
),

-- Who answered every item of the scale.
complete as (
    select
        arm,
        launched_date,
        scale,
        sum(n_people) as n_complete
    from {{ ref('cell_scales') }}
    where item = '(total)'
    group by arm, launched_date, scale
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

select
    programme.programme,
    cells.launched_date,
    cells.scale,
    cells.item,
    cells.arm,
    items.lowest,
    items.highest,
    items.is_reversed,
    cast(sum(cells.n_people) as bigint) as n_respondents,
    cast(coalesce(max(complete.n_complete), 0) as bigint) as n_complete,
    cast(sum(case when cells.score is not null then cells.n_people else 0 end) as bigint) as n_answered,
    cast(sum(case when cells.score is null then cells.n_people else 0 end) as double)
    / sum(cells.n_people) as no_answer_share,
    {{ exact_sum('cells.counted_score * cells.n_people') }} / sum(cells.n_people) as mean_score,
    {{ exact_sum('cells.counted_favourable * cells.n_people') }} / sum(cells.n_people) as favourable_share
from cells
cross join programme
inner join items
    on
        cells.launched_date = items.launched_date
        and cells.scale = items.scale
        and cells.item = items.item
left join complete
    on
        cells.arm = complete.arm
        and cells.launched_date = complete.launched_date
        and cells.scale = complete.scale
group by
    programme.programme,
    cells.launched_date,
    cells.scale,
    cells.item,
    cells.arm,
    items.lowest,
    items.highest,
    items.is_reversed
