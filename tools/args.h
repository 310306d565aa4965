#pragma once
/* The arguments that tools share, as table rows: one place for their names, ranges and words. */
#include "tool.h"

extern const struct param arg_filter_fields[];  /* members of one filter */
extern const struct param arg_matcher_fields[]; /* members of one matcher: event, any_of, where */
extern const struct param arg_segment_fields[]; /* members of a segment: did, did_not, filters */
/* The rows of a matcher, for objects that are a matcher and more (a funnel step, a series). */
#define ARG_MATCHER                                                                                \
    {.name = "event", .role = "event", .description = "Event name."},                              \
        {.name = "any_of",                                                                         \
         .type = VALUE_OBJECT,                                                                     \
         .is_list = true,                                                                          \
         .fields = arg_matcher_fields,                                                             \
         .shorthand = "event",                                                                     \
         .max_items = 50,                                                                          \
         .is_hidden = true,                                                                        \
         .description = "Alternatives."},                                                          \
    {                                                                                              \
        .name = "where", .type = VALUE_OBJECT, .is_list = true, .fields = arg_filter_fields,       \
        .is_brief = true, .max_items = 32, .description = "Conditions, like filters."              \
    }

extern const char *const arg_intervals[]; /* minute hour day week month */

#define ARG_SOURCE                                                                                 \
    {                                                                                              \
        .name = "source", .role = "source", .description = "Optional when there is one source."    \
    }
#define ARG_FROM                                                                                   \
    {                                                                                              \
        .name = "from",                                                                            \
        .description = "Start: ISO 8601, date, or -7d, -12h before the newest data."               \
    }
#define ARG_TO                                                                                     \
    {                                                                                              \
        .name = "to", .description = "End, like from; a date is included."                         \
    }
#define ARG_TZ                                                                                     \
    {                                                                                              \
        .name = "tz", .fallback = "\"UTC\"", .description = "IANA time zone."                      \
    }
#define ARG_WEEK_START                                                                             \
    {                                                                                              \
        .name = "week_start", .choices = (const char *const[]){"monday", "sunday", NULL},          \
        .fallback = "\"monday\"", .description = "First day of a week."                            \
    }
#define ARG_FILTERS                                                                                \
    {                                                                                              \
        .name = "filters", .type = VALUE_OBJECT, .is_list = true, .fields = arg_filter_fields,     \
        .is_brief = true, .max_items = 32,                                                         \
        .description = "All must hold: {field, op, value or values}; op: eq (default), ne, in, "   \
                       "not_in, contains, not_contains, starts_with, ends_with, regex, gt, gte, "  \
                       "lt, lte, exists, missing."                                                 \
    }
#define ARG_SEGMENT                                                                                \
    {                                                                                              \
        .name = "segment", .type = VALUE_OBJECT, .fields = arg_segment_fields, .is_brief = true,   \
        .shorthand = "name",                                                                       \
        .description = "Only those who {did: [{event, where, min_times, within_days}], did_not: "  \
                       "[…], filters}."                                                          \
    }
/* Which rows and actors a call is about. */
#define ARG_SCOPE ARG_FILTERS, ARG_SEGMENT
#define ARG_ACTOR                                                                                  \
    {                                                                                              \
        .name = "actor", .role = "field", .fallback = "\"user\"",                                  \
        .description = "Counted: user, session, case or a field."                                  \
    }
#define ARG_CASE                                                                                   \
    {                                                                                              \
        .name = "case", .role = "field", .description = "Case field; optional when there is one."  \
    }
#define ARG_BREAKDOWN                                                                              \
    {                                                                                              \
        .name = "breakdown", .is_list = true, .max_items = 3, .role = "field",                     \
        .description = "Fields to split by."                                                       \
    }
#define ARG_BREAKDOWN_LIMIT                                                                        \
    {                                                                                              \
        .name = "breakdown_limit", .type = VALUE_INTEGER, .min = 1, .max = 1000, .fallback = "25", \
        .description = "Values kept; rest is (other)."                                             \
    }
#define ARG_COMPARE                                                                                \
    {                                                                                              \
        .name = "compare", .choices = (const char *const[]){"none", "previous", NULL},             \
        .fallback = "\"none\"",                                                                    \
        .description = "previous: with the period of equal length just before."                    \
    }
#define ARG_LIMIT(fallback_text)                                                                   \
    {                                                                                              \
        .name = "limit", .type = VALUE_INTEGER, .min = 1, .max = 1000,                             \
        .fallback = (fallback_text), .description = "Rows."                                        \
    }
#define ARG_CURSOR                                                                                 \
    {                                                                                              \
        .name = "cursor", .max_length = 256, .description = "From the previous page."              \
    }
#define ARG_FORMAT                                                                                 \
    {                                                                                              \
        .name = "format", .choices = (const char *const[]){"concise", "detailed", NULL},           \
        .fallback = "\"concise\"", .description = "Text length."                                   \
    }
#define ARG_EXPLAIN                                                                                \
    {                                                                                              \
        .name = "explain", .choices = (const char *const[]){"none", "with", "only", NULL},         \
        .fallback = "\"none\"", .description = "Add the SQL; only: do not run."                    \
    }
#define ARG_ALLOW_UNKNOWN                                                                          \
    {                                                                                              \
        .name = "allow_unknown", .type = VALUE_BOOLEAN, .fallback = "false",                       \
        .description = "Accept names never seen."                                                  \
    }
#define ARG_PERIOD ARG_SOURCE, ARG_FROM, ARG_TO, ARG_TZ
#define ARG_OUTPUT ARG_FORMAT, ARG_EXPLAIN, ARG_ALLOW_UNKNOWN
