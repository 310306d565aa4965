-- Says in the table's comment what its columns turned out to be.
ALTER TABLE sextant_import.$table MODIFY COMMENT $comment
