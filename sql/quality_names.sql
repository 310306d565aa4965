-- Event names that are nearly another one: but for case and punctuation, or, of rare ones, for a letter or two. The row without names counts those compared.
WITH _names AS (
    SELECT CAST($event, 'String') AS _name, count() AS _n, lowerUTF8(replaceRegexpAll(_name, '[^\\p{L}\\p{N}]+', '')) AS _plain,
           replaceRegexpAll(_name, '[0-9]+', '') AS _words
    FROM $from
    WHERE $where
    GROUP BY _name
    HAVING _name != ''
    ORDER BY _n DESC, _name
    LIMIT {names:UInt64}
)
SELECT * FROM (
    SELECT a._name, toInt64(a._n), b._name, toInt64(b._n), toInt64(a._plain = b._plain)
    FROM _names AS a CROSS JOIN _names AS b
    WHERE (a._n > b._n OR (a._n = b._n AND a._name < b._name))
        AND ((a._plain = b._plain AND a._plain != '')
             OR (b._n * 5 <= a._n AND lengthUTF8(b._name) BETWEEN 5 AND 64 AND length(a._name) <= 80 AND a._words != b._words
                 AND abs(toInt64(length(a._name)) - toInt64(length(b._name))) <= 2
                 AND editDistance(a._name, b._name) <= if(lengthUTF8(b._name) >= 8, 2, 1)))
    ORDER BY 5 DESC, 4 DESC, 1, 3
    LIMIT {limit:UInt64}
)
UNION ALL
SELECT '', toInt64(count()), '', toInt64(0), toInt64(0) FROM _names
