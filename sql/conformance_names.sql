-- All activities, sorted: their places are their numbers.
SELECT arraySort(groupUniqArray(toString($event)))
FROM $from
