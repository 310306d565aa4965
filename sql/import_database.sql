-- Makes the database of imported sources.
CREATE DATABASE IF NOT EXISTS sextant ENGINE = Atomic
