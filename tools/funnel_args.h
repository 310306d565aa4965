#pragma once
/* What a funnel is, as rows of a table of arguments: for every tool that looks at one. */
#include "args.h"
#include "funnel.h"
#include "within.h"

extern const struct param funnel_step_fields[];      /* members of a step */
extern const struct param funnel_exclusion_fields[]; /* of an exclusion */
extern const struct param funnel_gap_fields[];       /* of one of step_gaps */

#define FUNNEL_ARGS                                                                                \
    {.name = "steps",                                                                              \
     .type = VALUE_OBJECT,                                                                         \
     .is_list = true,                                                                              \
     .is_required = true,                                                                          \
     .min_items = 1,                                                                               \
     .max_items = FUNNEL_MAX_STEPS,                                                                \
     .fields = funnel_step_fields,                                                                 \
     .shorthand = "event",                                                                         \
     .description =                                                                                \
         "In order: event names or {event, where, any_of: [matchers], name, optional}."},          \
        {.name = "order",                                                                          \
         .choices = (const char *const[]){"ordered", "strict", "unordered", NULL},                 \
         .fallback = "\"ordered\"",                                                                \
         .description = "ordered: other events may lie between; strict: none; unordered."},        \
        {.name = "within",                                                                         \
         .type = VALUE_OBJECT,                                                                     \
         .is_brief = true,                                                                         \
         .fields = within_fields,                                                                  \
         .fallback = "{\"value\": 14, \"unit\": \"day\"}",                                         \
         .description = "{value, unit: second to month (30 d)}, from the first step."},            \
        {.name = "exclusions",                                                                     \
         .type = VALUE_OBJECT,                                                                     \
         .is_list = true,                                                                          \
         .fields = funnel_exclusion_fields,                                                        \
         .shorthand = "event",                                                                     \
         .is_brief = true,                                                                         \
         .max_items = FUNNEL_MAX_EXCLUSIONS,                                                       \
         .description =                                                                            \
             "Drops who did this between two steps: {event, where, from_step, to_step}."},         \
        {.name = "hold_constant",                                                                  \
         .is_list = true,                                                                          \
         .max_items = 3,                                                                           \
         .role = "field",                                                                          \
         .description = "Fields equal at all steps of a run."},                                    \
    {                                                                                              \
        .name = "step_gaps", .type = VALUE_OBJECT, .is_list = true, .fields = funnel_gap_fields,   \
        .is_brief = true, .max_items = FUNNEL_MAX_STEPS,                                           \
        .description = "Time from the previous step: {step, min_s, max_s}."                        \
    }
