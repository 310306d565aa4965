-- What the nodes are numbered by: 1, 2, … in the order of their names, `rare` for those without a number, in `bits` bits each; by how many bits the time of an event stands above that; and into how many arrays the actors go.
(SELECT (arraySort(groupArray(name)), any(all_rows), any(last_key)) FROM ($names)) AS found, found.1 AS names,
     $bits AS bits, $shift AS shift, bitShiftLeft(toUInt64(1), bits) - 1 AS rare,
     -- An array of 65,536 events sorts within the cache; few actors need as many bits as fit.
     toUInt32(greatest(64, bitShiftRight(found.2, 16), bitShiftRight(toUInt64(found.3), $key_bits) + 1)) AS buckets
