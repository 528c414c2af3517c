"""Queries about loads: files, identities, profiles, matches."""

from __future__ import annotations

# What the study assigns → the column of the snapshot that names it.
COLUMN_OF_UNIT = {
    "team": "team",
    "department": "department",
    "site": "site",
    "manager": "manager_id",
    "person": "person_id",
}

LOADS_QUERY = """
    select source, file_name, status, reason, n_records, n_loaded, n_faulty, n_set_aside,
        case when n_records > 0 then n_faulty / n_records else 0 end as faulty_share,
        n_records - n_loaded - n_faulty - n_set_aside as n_lost
    from raw.load_log
    where list_contains($load_ids, load_id)
    order by source, file_name, load_id
"""

# A delivery of changes has each person's month on a day of its own: its people are counted by month.
LISTED_QUERY = """
    listed as (
        select workers.person_id, workers.department, workers.site, workers.team, workers.manager_id,
            case loads.delivery when 'delta' then workers.snapshot_month else workers.snapshot_date end as snapshot_date
        from staging.stg_hris__workers as workers
        inner join staging.stg_loads as loads on workers.load_id = loads.load_id
    )
"""

# Groups of the organisation by snapshot: who was there before and is missing now, or was missing in between.
GROUPS_QUERY = f"""
    with {LISTED_QUERY},
    sized as (
        select snapshot_date, 'department' as kind, department as value, count(distinct person_id) as n
        from listed where department is not null group by all
        union all
        select snapshot_date, 'site' as kind, site as value, count(distinct person_id) as n
        from listed where site is not null group by all
    ),
    dates as (
        select snapshot_date, lag(snapshot_date) over (order by snapshot_date) as previous_date,
            snapshot_date = max(snapshot_date) over () as is_latest
        from (select distinct snapshot_date from listed) as found
    )
    select strftime(dates.snapshot_date, '%Y-%m-%d') as snapshot, before.kind, before.value,
        before.n as n_before, coalesce(now.n, 0) as n_now
    from dates
    inner join sized as before on before.snapshot_date = dates.previous_date
    left join sized as now
        on now.snapshot_date = dates.snapshot_date and now.kind = before.kind and now.value = before.value
    where before.n >= $vanished_group_size
        and (dates.is_latest or exists (
            select 1 from sized as later
            where later.kind = before.kind and later.value = before.value
                and later.snapshot_date > dates.snapshot_date
        ))
    order by all
"""

HEADCOUNTS_QUERY = """
    with {listed},
    sized as (
        select snapshot_date, count(distinct person_id) as n, avg(case when {unit} is null then 0 else 1 end) as covered
        from listed group by snapshot_date
    )
    select strftime(snapshot_date, '%Y-%m-%d') as snapshot, n, covered as unit_coverage,
        coalesce(n / lag(n) over (order by snapshot_date) - 1, 0) as change,
        coalesce(snapshot_date - lag(snapshot_date) over (order by snapshot_date), 0) as gap_days
    from sized
    order by snapshot_date
"""

# Each whole snapshot of a system beside the one before it: who of those still employed is found again, who is known by
# e-mail address, or by name and day of hire, under another id, and which new people were hired since. What the ids look
# like says why: zeros that were lost, ids of another number space, or a migration whose crosswalk is missing.
IDENTITIES_QUERY = """
    with sightings as (
        select workers.person_id, workers.snapshot_date, workers.hired_date, workers.email_key, workers.name_key,
            workers.load_id, loads.mapping || ' ' || loads.part as system, workers.is_gone
                or coalesce(workers.left_date < date_trunc('month', workers.snapshot_date), false) as has_left
        from staging.stg_hris__workers as workers
        inner join staging.stg_loads as loads on workers.load_id = loads.load_id
        where loads.rows_are = 'snapshots' and loads.delivery = 'full'
    ),
    dates as (
        select system, snapshot_date, any_value(load_id) as load_id from sightings group by system, snapshot_date
    ),
    pairs as (
        select *, lag(snapshot_date) over (partition by system order by snapshot_date) as previous_date,
            lag(load_id) over (partition by system order by snapshot_date) as previous_load_id
        from dates
        qualify previous_date is not null
    ),
    earlier as (
        select pairs.system, pairs.snapshot_date, past.person_id, max(past.email_key) as email_key,
            max(past.name_key) as name_key, max(past.hired_date) as hired_date
        from pairs
        inner join sightings as past on past.system = pairs.system and past.snapshot_date = pairs.previous_date
        where not past.has_left
        group by all
    ),
    missing as (
        select earlier.* from earlier
        anti join sightings as now
            on now.system = earlier.system and now.snapshot_date = earlier.snapshot_date
            and now.person_id = earlier.person_id
    ),
    fresh as (
        select now.system, now.snapshot_date, now.person_id, max(now.email_key) as email_key,
            max(now.name_key) as name_key, max(now.hired_date) as hired_date
        from sightings as now
        inner join (select system, person_id, min(snapshot_date) as first_date from sightings group by all) as firsts
            on firsts.system = now.system and firsts.person_id = now.person_id and firsts.first_date = now.snapshot_date
        where not now.has_left
        group by all
    ),
    renumbered as (
        select missing.system, missing.snapshot_date, missing.person_id from missing
        inner join fresh
            on fresh.system = missing.system and fresh.snapshot_date = missing.snapshot_date
            and fresh.email_key = missing.email_key
        union
        select missing.system, missing.snapshot_date, missing.person_id from missing
        inner join fresh
            on fresh.system = missing.system and fresh.snapshot_date = missing.snapshot_date
            and fresh.name_key = missing.name_key and fresh.hired_date = missing.hired_date
    ),
    shapes as (
        select load_id, sum(n_leading_zero) as n_leading_zero, list(shape) as shapes from raw.id_shapes group by load_id
    ),
    of_earlier as (select system, snapshot_date, count(*) as n from earlier group by all),
    of_missing as (select system, snapshot_date, count(*) as n from missing group by all),
    of_renumbered as (select system, snapshot_date, count(*) as n from renumbered group by all),
    of_unhired as (
        select pairs.system, pairs.snapshot_date, count(*) as n from pairs
        inner join fresh
            on fresh.system = pairs.system and fresh.snapshot_date = pairs.snapshot_date
            and fresh.hired_date < pairs.previous_date
        group by all
    ),
    counted as (
        select pairs.system, pairs.snapshot_date, greatest(of_earlier.n, 1) as n_before,
            coalesce(of_missing.n, 0) as n_missing, coalesce(of_renumbered.n, 0) as n_renumbered,
            coalesce(of_unhired.n, 0) as n_unhired,
            coalesce(past.n_leading_zero > 0 and now.n_leading_zero = 0, false) as lost_zeros,
            coalesce(len(list_intersect(now.shapes, past.shapes)) = 0, false) as is_other_space
        from pairs
        left join of_earlier using (system, snapshot_date)
        left join of_missing using (system, snapshot_date)
        left join of_renumbered using (system, snapshot_date)
        left join of_unhired using (system, snapshot_date)
        left join shapes as now on now.load_id = pairs.load_id
        left join shapes as past on past.load_id = pairs.previous_load_id
    ),
    -- A handful is people; from five on it is the export.
    shared as (
        select *, case when n_missing >= 5 then n_missing else 0 end / n_before as missing_share,
            case when n_renumbered >= 5 then n_renumbered else 0 end / n_before as known_share,
            case when n_unhired >= 5 then n_unhired else 0 end / n_before as unhired_share
        from counted
    )
    select strftime(snapshot_date, '%Y-%m-%d') as snapshot, system, n_before, n_missing, n_renumbered, n_unhired,
        1 - missing_share as found_share,
        case when lost_zeros then known_share else 0 end as lost_zeros_share,
        case when is_other_space and not lost_zeros then known_share else 0 end as other_space_share,
        case when not is_other_space and not lost_zeros then known_share else 0 end as renumbered_share,
        unhired_share
    from shared
    order by all
"""

# A column beside that of the file before: mostly filled and suddenly not, in another unit, or a default written over
# everybody. Compared within a mapping, in the order of arrival, for sources whose files are alike (logs mix kinds of
# events), and only where it is about as many rows as that one: six late answers say nothing of a column. Few rows say
# nothing of a mean or of variety either.
PROFILES_QUERY = """
    with facts as (
        select profiles.*, loads.file_name, 1 - profiles.n_null / nullif(profiles.n_rows, 0) as filled_share,
            case when profiles.n_rows - profiles.n_null >= 30 then profiles.mean end as usual,
            case when profiles.n_rows >= 50 then profiles.n_distinct end as variety,
            loads.mapping, loads.sequence
        from raw.profile_columns as profiles
        inner join raw.load_log as loads on profiles.load_id = loads.load_id
        where loads.status = 'loaded' and profiles.source in ('hris', 'survey') and loads.delivery = 'full'
    ),
    beside as (
        select *, n_rows >= lag(n_rows) over before / 2 as is_comparable,
            lag(filled_share) over before as filled_before, lag(usual) over before as usual_before,
            lag(variety) over before as variety_before
        from facts
        window before as (partition by mapping, table_name, column_name order by sequence)
    )
    select source, file_name, table_name, column_name, filled_share, filled_before,
        filled_share / filled_before as filled_ratio,
        case when usual * usual_before > 0 then greatest(usual / usual_before, usual_before / usual) end as scale_ratio,
        case when filled_before >= 0.5 and variety_before >= 5 then variety / variety_before end as distinct_ratio
    from beside
    where list_contains($load_ids, load_id) and filled_before >= 0.5 and is_comparable
    order by all
"""

# Do the other sources find their people in the snapshots, and the lists their units?
MATCHES_QUERY = """
    with records as (
        select 'survey' as source, date_trunc('month', launched_date) as month, person_id
        from intermediate.int_respondents where resolution <> 'anonymous'  -- they have no person to find
        union all
        select 'checkins', month, person_id from intermediate.int_checkins
    )
    select source, strftime(month, '%Y-%m') as month, count(*) as n_records, count(person_id) as n_matched,
        count(person_id) / count(*) as matched_share
    from records group by source, month order by all
"""

UNIT_MATCHES_QUERY = """
    select arm, count(*) as n_units, count(found.unit_id) as n_found, count(found.unit_id) / count(*) as found_share
    from intermediate.int_unit_assignments as units
    left join (select distinct unit_id from intermediate.int_unit_memberships) as found
        on units.unit_id = found.unit_id
    group by arm order by all
"""
