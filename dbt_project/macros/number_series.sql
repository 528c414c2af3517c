{# Whole numbers 1 … n as the column month_number. dbt.date_spine took 112 s on Spark; this is one call per engine. #}
{% macro number_series(n) -%}
    {{ return(adapter.dispatch('number_series', 'coaching_outcomes')(n)) }}
{%- endmacro %}

{% macro default__number_series(n) -%}
    select cast(series.month_number as integer) as month_number
    from generate_series(1, {{ n }}) as series (month_number)
{%- endmacro %}

{% macro spark__number_series(n) -%}
    select cast(month_number as int) as month_number
    from (select explode(sequence(1, {{ n }})) as month_number)
{%- endmacro %}
