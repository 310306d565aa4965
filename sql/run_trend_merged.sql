-- Whom each series counts and when, by breakdown value and bucket, where they are texts: of the largest values, and of all others together where there are such.
SELECT if(_rest, [], _v) AS v, _rest AS other, _bucket$arrays
FROM (
    SELECT *, dense_rank() OVER (ORDER BY _weight DESC, _v) > {kept:UInt64} AS _rest
    FROM (
        SELECT *, if(_values > {kept:UInt64}, sum(_counted) OVER (PARTITION BY _v), 0) AS _weight
        FROM (
            SELECT *, uniqExact(_v) OVER () AS _values, if(_values > {kept:UInt64}, $weight, 0) AS _counted
            FROM (
                SELECT $values AS _v, $bucket AS _bucket$gathered
                FROM (SELECT *, $index AS _i FROM ($rows))
                GROUP BY $keys, _bucket
            )
        )
    )
)
GROUP BY v, other, _bucket
