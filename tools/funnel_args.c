#include "funnel_args.h"

const struct param funnel_step_fields[] = {
    {.name = "event", .role = "event", .description = "Event name."},
    {.name = "where",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = arg_filter_fields,
     .is_brief = true,
     .max_items = 32,
     .description = "Conditions, like filters."},
    {.name = "any_of",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .max_items = 50,
     .is_hidden = true, /* keeps the schema small; the description of steps names it */
     .description = "Alternative matchers."},
    {.name = "name", .description = "Label."},
    {.name = "optional", .type = VALUE_BOOLEAN, .description = "May be missed."},
    {0},
};

const struct param funnel_exclusion_fields[] = {
    ARG_MATCHER,
    {.name = "from_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "After this step; default the first."},
    {.name = "to_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "Before this step; default the last."},
    {0},
};

const struct param funnel_gap_fields[] = {
    {.name = "step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .is_required = true,
     .description = "The later step."},
    {.name = "min_s", .type = VALUE_NUMBER, .min = 0, .max = 1e10, .description = "At least."},
    {.name = "max_s", .type = VALUE_NUMBER, .min = 0, .max = 1e10, .description = "At most."},
    {0},
};
