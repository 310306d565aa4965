-- Event names that are nearly another one: but for case and punctuation, or, of rare ones, for a letter or two. The row without names counts those compared.
-- The names are a scalar: a table of WITH would be read anew wherever it is named.
WITH (
    SELECT groupArray((_name, _n, _plain, _words))
    FROM (
        SELECT CAST($event, 'String') AS _name, count() AS _n, lowerUTF8(replaceRegexpAll(_name, '[^\\p{L}\\p{N}]+', '')) AS _plain,
               replaceRegexpAll(_name, '[0-9]+', '') AS _words
        FROM $from
        WHERE $where
        GROUP BY _name
        HAVING _name != ''
        ORDER BY _n DESC, _name
        LIMIT {names:UInt64}
    )
) AS _names
SELECT * FROM (
    SELECT a.1, toInt64(a.2), b.1, toInt64(b.2), toInt64(a.3 = b.3)
    FROM (SELECT arrayJoin(_names) AS a) AS _more CROSS JOIN (SELECT arrayJoin(_names) AS b) AS _fewer
    WHERE (a.2 > b.2 OR (a.2 = b.2 AND a.1 < b.1))
        AND ((a.3 = b.3 AND a.3 != '')
             OR (b.2 * 5 <= a.2 AND lengthUTF8(b.1) BETWEEN 5 AND 64 AND length(a.1) <= 80 AND a.4 != b.4
                 AND abs(toInt64(length(a.1)) - toInt64(length(b.1))) <= 2
                 AND editDistance(a.1, b.1) <= if(lengthUTF8(b.1) >= 8, 2, 1)))
    ORDER BY 5 DESC, 4 DESC, 1, 3
    LIMIT {limit:UInt64}
)
UNION ALL
SELECT '', toInt64(length(_names)), '', toInt64(0), toInt64(0)
