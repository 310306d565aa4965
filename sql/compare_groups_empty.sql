-- How many actors of the period there are, and fulfil each condition of a group alone: why nobody is in it.
SELECT toInt64(uniqExact(_who))$counts
FROM ($rows)
