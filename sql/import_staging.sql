-- Makes the database in which an import fills its table until it is complete.
CREATE DATABASE sextant_import ENGINE = Atomic
