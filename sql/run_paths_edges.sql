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
                                SELECT *, arrayJoin(if(t = 0, [(step, f, 0)], [(step, f, 0), (step + 1, t, 1)])) AS ends
                                FROM (
                                    SELECT step, if(step = 0, path_rank, if(bitShiftRight(edge, bits) = rare, 65535, toUInt32(bitShiftRight(edge, bits)))) AS f,
                                           if(bitAnd(edge, rare) = rare, 65535, toUInt32(bitAnd(edge, rare))) AS t,
                                           if(step = 0, paths[path_rank].1, all_n) AS edge_n, all_us AS edge_us, paths[path_rank].2 AS edge_path, all_runs
                                    FROM (
                                        SELECT step, edge, all_n, all_us, if(step = 0, commonest, [(toUInt64(0), lowest)]) AS paths, arrayJoin(arrayEnumerate(paths)) AS path_rank,
                                               sumIf(all_n, step = 0) OVER () AS all_runs, min(lowest) OVER () AS lowest_path
                                        FROM (
                                            SELECT step, edge, sum(n) AS all_n, sum(taken) AS all_us, min(path) AS lowest, $commonest AS commonest
                                            FROM (
                                                SELECT n, path, step, taken, if(step = 0, 0, toUInt64(bitAnd(bitShiftRight(path, toUInt8(bits * ({steps:UInt8} - 1 - step))),
                                                    bitShiftLeft(toUInt64(1), toUInt8(2 * bits)) - 1))) AS edge
                                                FROM (SELECT $path AS path, count() AS n, [toFloat64(0)$times] AS times FROM ($runs) GROUP BY path)
                                                ARRAY JOIN range(0, {steps:UInt8}) AS step, times AS taken
                                            )
                                            WHERE step = 0 OR edge > rare
                                            GROUP BY step, edge
                                        )
                                    )
                                    -- No run has no node: what comes without was not to be told apart here.
                                    WHERE lowest_path != 0
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
