{# A number that changes with any value of any row of a group, and not with their order. #}
{% macro fingerprint(columns) -%}
    {{ return(adapter.dispatch('fingerprint', 'coaching_outcomes')(columns)) }}
{%- endmacro %}

{% macro default__fingerprint(columns) -%}
    cast(sum(cast(hash({{ columns | join(', ') }}) as decimal(38, 0))) as {{ dbt.type_string() }})
{%- endmacro %}

{% macro spark__fingerprint(columns) -%}
    cast(sum(cast(xxhash64({{ columns | join(', ') }}) as decimal(38, 0))) as {{ dbt.type_string() }})
{%- endmacro %}
