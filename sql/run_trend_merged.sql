-- Whom each series counts and when, by breakdown value, where they are texts: of the largest values, and of all others together where there are such.
SELECT if(_rest, [], _v) AS v, _rest AS other$arrays
FROM (
    SELECT *, row_number() OVER (ORDER BY _weight DESC, _v) > {kept:UInt64} AS _rest
    FROM (
        SELECT *, if(count() OVER () > {kept:UInt64}, $weight, 0) AS _weight
        FROM (
            SELECT $values AS _v$gathered
            FROM (SELECT *, $index AS _i FROM ($rows))
            GROUP BY $keys
        )
    )
)
GROUP BY v, other
