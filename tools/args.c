#include "args.h"

#include "source.h"

const char *const arg_intervals[] = {"minute", "hour", "day", "week", "month", NULL};

const struct param arg_filter_fields[] = {
    {.name = "field", .role = "field", .is_required = true, .description = "Field."},
    {.name = "op", .choices = source_operators, .fallback = "\"eq\"", .description = "Comparison."},
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

static const struct param deed_fields[] = {
    ARG_MATCHER,
    {.name = "min_times",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000000000,
     .fallback = "1",
     .description = "At least so often."},
    {.name = "within_days",
     .type = VALUE_NUMBER,
     .min = 0,
     .max = 100000,
     .description = "In so many days before the period's end; default: ever before it."},
    {0},
};

const struct param arg_segment_fields[] = {
    {.name = "name", .description = "Of a segment that the source configures."},
    {.name = "did",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = deed_fields,
     .shorthand = "event",
     .max_items = 16,
     .description = "All of these."},
    {.name = "did_not",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = deed_fields,
     .shorthand = "event",
     .max_items = 16,
     .description = "None of these."},
    {.name = "filters",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = arg_filter_fields,
     .max_items = 32,
     .description = "Have an event for which all hold."},
    {0},
};
