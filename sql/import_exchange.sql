-- Puts the new table in the place of the old one, in one step.
EXCHANGE TABLES sextant_import.$table AND sextant.$table
