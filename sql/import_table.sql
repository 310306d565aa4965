-- Makes the table of one source; $comment is the mapping as a string literal.
CREATE TABLE sextant_import.$table
(
    time DateTime64(6, 'UTC'),
    event LowCardinality(String),
    actor String,
    session String,
    case_id String,
    resource LowCardinality(String),
    start_time Nullable(DateTime64(6, 'UTC')),
    seq UInt64,
    properties Map(LowCardinality(String), String),
    actor_properties Map(LowCardinality(String), String)
)
ENGINE = MergeTree
ORDER BY (actor, time, seq)
COMMENT $comment
