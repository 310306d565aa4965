-- Puts the new table in its place, where there was none.
RENAME TABLE sextant_import.$table TO sextant.$table
