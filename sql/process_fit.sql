-- Whether no case has two activities at one time, as far as the first rows tell: else it is seen later, by which time the answer has cost much.
(
    SELECT count() FROM (
        SELECT _key FROM (SELECT _key, _us, _label FROM ($rows) LIMIT {sample:UInt32}) GROUP BY _key, _us HAVING min(_label) != max(_label))) = 0
