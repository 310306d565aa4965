-- Adds rows that come as blocks of the Native format.
INSERT INTO sextant_import.$table FORMAT Native
