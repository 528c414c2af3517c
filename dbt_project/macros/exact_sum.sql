{# A sum that does not depend on the order of its rows: floating-point sums differ in their last digits with it, and two
   runs of one landing are to be equal byte by byte. Each term is rounded to `scale` digits after the point first. #}
{% macro exact_sum(expression, scale=12, over='') -%}
    cast(sum(cast({{ expression }} as decimal(38, {{ scale }}))) {{ over }} as double)
{%- endmacro %}
