-- Whether an event and its place fit into 64 bits: few enough nodes, and no events of one time, as far as the first rows tell (else it is seen later, by which time the answer has cost much).
bits = needed_bits AND length(names) < 65534 AND buckets <= 65536 AND (
    SELECT count() FROM (
        SELECT _key FROM (SELECT _key, _us, _node FROM ($rows) LIMIT 20000) GROUP BY _key, _us HAVING min(_node) != max(_node))) = 0 AS fits
