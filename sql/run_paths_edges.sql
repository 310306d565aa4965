-- Edges of path runs, rare nodes folded into (other): the nodes with most runs are kept, as many as have no more than edge_limit edges between them. What flows into a node so flows out of it. At an end nobody drops off. Step 0: the commonest whole paths.
SELECT step, source, target, sum(edge_n) AS n, sum(edge_us) AS us, any(edge_path) AS path, any(all_runs) AS runs
FROM (
    SELECT *, if(step = 0 OR from_rank <= kept, f, 65535) AS source, multiIf(t = 0, 0, to_rank <= kept, t, 65535) AS target
    FROM (
        SELECT *, if(countIf(is_over) OVER () = 0, {edge_limit:UInt32}, least({edge_limit:UInt32}, minIf(edge_rank, is_over) OVER () - 1)) AS kept
        FROM (
            SELECT *, sum(t != 0) OVER (ORDER BY edge_rank) > {edge_limit:UInt32} AS is_over
            FROM (
                SELECT step, f, t, max(node_rank) AS edge_rank, maxIf(node_rank, side = 0) AS from_rank, maxIf(node_rank, side = 1) AS to_rank,
                       any(edge_n) AS edge_n, any(edge_us) AS edge_us, any(edge_path) AS edge_path, any(all_runs) AS all_runs
                FROM (
                    SELECT *, if(node = 65535, 4294967295, dense_rank() OVER (ORDER BY place = 0, node = 65535, weight DESC, place, node)) AS node_rank
                    FROM (
                        SELECT *, greatest(sumIf(edge_n, side = 0) OVER (PARTITION BY place, node), sumIf(edge_n, side = 1) OVER (PARTITION BY place, node)) AS weight
                        FROM (
                            SELECT *, ends.1 AS place, ends.2 AS node, ends.3 AS side
                            FROM (
                                SELECT step, toUInt32(bitShiftRight(edge, 16)) AS f, toUInt32(bitAnd(edge, 65535)) AS t, edge_n, edge_us, edge_path, all_runs,
                                       arrayJoin(if(t = 0, [(step, f, 0)], [(step, f, 0), (step + 1, t, 1)])) AS ends
                                FROM (
                                    SELECT step, edge, sum(n) AS edge_n, sum(taken) AS edge_us, any(path) AS edge_path, any(all_n) AS all_runs
                                    FROM (
                                        SELECT n, path, all_n, x.1 AS step, x.2 AS edge, x.3 AS taken
                                        FROM (
                                            SELECT n, path, all_n, arrayJoin(arrayConcat(
                                                arrayFilter(x -> x.2 > 65535, arrayMap(
                                                    (i, d) -> (toUInt8(i), toUInt32(bitAnd(bitShiftRight(path, 16 * ({width:UInt8} - 1 - i)), 4294967295)), d),
                                                    range(1, {steps:UInt8}), times)),
                                                if(path_rank <= {journeys:UInt8}, [(toUInt8(0), toUInt32(bitShiftLeft(path_rank, 16)), toFloat64(0))], []))) AS x
                                            FROM (
                                                -- Most paths are taken once: where enough are not, those need not be sorted.
                                                SELECT *, row_number() OVER (ORDER BY if(is_common, n, 0) DESC, if(is_common, path, 0)) AS path_rank
                                                FROM (
                                                    SELECT *, n > 1 OR countIf(n > 1) OVER () < {journeys:UInt8} AS is_common, sum(n) OVER () AS all_n
                                                    FROM (
                                                        SELECT $path AS path, count() AS n, [$times] AS times
                                                        FROM (
                                                            SELECT arrayMap(x -> bitAnd(bitShiftRight(toUInt64(x), 2), 65535), r) AS c,
                                                                   arrayMap(x -> toInt64(bitShiftRight(x, 64)), r) AS at
                                                            FROM ($runs)
                                                        )
                                                        GROUP BY path
                                                    )
                                                )
                                            )
                                        )
                                    )
                                    GROUP BY step, edge
                                )
                            )
                        )
                    )
                )
                GROUP BY step, f, t
            )
        )
    )
)
WHERE step = 0 OR target != 0 OR NOT {has_end:UInt8}
GROUP BY step, source, target
