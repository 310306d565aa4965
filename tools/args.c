#include "args.h"

const char *const arg_intervals[] = {"minute", "hour", "day", "week", "month", NULL};

static const char *const operators[] = {
    "eq",    "ne", "in",  "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "regex", "gt", "gte", "lt",     "lte",      "exists",       "missing",     NULL};

const struct param arg_filter_fields[] = {
    {.name = "field",
     .role = "field",
     .is_required = true,
     .max_length = 256,
     .description = "Field."},
    {.name = "op", .choices = operators, .fallback = "\"eq\"", .description = "Comparison."},
    {.name = "value", .is_scalar_text = true, .description = "One value."},
    {.name = "values",
     .is_list = true,
     .is_scalar_text = true,
     .max_items = 1000,
     .description = "Of in, not_in."},
    {0},
};

/* The alternatives of any_of: matchers themselves, published one level deep. */
const struct param arg_matcher_fields[] = {
    ARG_MATCHER,
    {0},
};
