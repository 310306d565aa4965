-- What is looked at of each path run: cut at its start and end, repeats merged; its first nodes are those asked for.
SELECT $carried$kept AS r
FROM (
    SELECT $carried$merged AS merged
    FROM (
        SELECT $carried$ended AS ended
        FROM (SELECT $carried$started AS started FROM ($runs))
        WHERE notEmpty(started)
    )
    WHERE notEmpty(ended)
)
