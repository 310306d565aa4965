-- How long sessions took, and how much was done in one.
SELECT quantilesExactInclusive(0.5, 0.75, 0.9, 0.95)(duration), avg(pages), avg(interactions), toInt64(countIf(duration IS NOT NULL))
FROM ($sessions)
