with cells as (
    select * from {{ ref('cell_items') }}
),

programme as (
    select
        programme,
        favourable_from
    from {{ ref('stg_study__programmes') }}
)

select
    programme.programme,
    cells.launched_date,
    cells.scale,
    cells.item,
    cells.arm,
    cast(sum(cells.n_people) as bigint) as n_respondents,
    cast(sum(case when cells.score is not null then cells.n_people else 0 end) as bigint) as n_answered,
    cast(sum(case when cells.score is null then cells.n_people else 0 end) as double)
    / sum(cells.n_people) as no_answer_share,
    {{ exact_sum('cells.score * cells.n_people') }}
    / nullif(sum(case when cells.score is not null then cells.n_people else 0 end), 0) as mean_score,
    cast(sum(case when cells.score >= programme.favourable_from then cells.n_people else 0 end) as double)
    / nullif(sum(case when cells.score is not null then cells.n_people else 0 end), 0) as favourable_share
from cells
cross join programme
group by programme.programme, cells.launched_date, cells.scale, cells.item, cells.arm
