-- One case as a whole: events, first and last, the longest gap and between which activities, sessions, and the activities that come again most often.
SELECT toInt64(count()), min(_us), max(_us), max(_gap_us), argMax(_before, (_gap_us, -_us)), argMax(_label, (_gap_us, -_us)),
       toInt64(uniqExactIf(_session, _session != '')),
       arraySlice(arraySort(x -> (-x.2, x.1), arrayFilter(x -> x.2 > 1, arrayZip(sumMap([_label], [toInt64(1)]).1, sumMap([_label], [toInt64(1)]).2))), 1, {repeats:UInt64})
FROM ($rows)
