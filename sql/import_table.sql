-- Makes the table of one source; $order is what its rows are sorted by, $copies columns for keys and a projection, $comment the mapping as a string literal.
CREATE TABLE sextant_import.$table
(
    time DateTime64(6, 'UTC'),
    event LowCardinality(String),
    actor String,
    session String,
    case_id String,
    -- 1, 2, … for each distinct value of the texts above, 0 for ''
    actor_number UInt32,
    session_number UInt32,
    case_number UInt32,
    resource LowCardinality(String),
    start_time Nullable(DateTime64(6, 'UTC')),
    seq UInt64,
    properties Map(LowCardinality(String), String),
    actor_properties Map(LowCardinality(String), String),
    INDEX by_actor actor TYPE bloom_filter(0.01),
    INDEX by_session session TYPE bloom_filter(0.01),
    INDEX by_case case_id TYPE bloom_filter(0.01),
    -- what a call asks first, unless it was asked lately: when the first and the last event happened
    PROJECTION bounds (SELECT event, min(toUnixTimestamp64Micro(time)), max(toUnixTimestamp64Micro(time)), count() GROUP BY event)$copies
)
ENGINE = MergeTree
ORDER BY ($order)
COMMENT $comment
