-- What resources are numbered by: 1, 2, … in the order of their names; 65535 those that are not told apart.
,
(SELECT arraySort(groupArray(name)) FROM (
    SELECT CAST($resource, 'String') AS name FROM $from WHERE $where AND name != '' GROUP BY name ORDER BY count() DESC, name LIMIT {max_activities:UInt32})) AS resources
