#include "within.h"

#include <string.h>

#include "json.h"

const struct param within_fields[] = {
    {.name = "value",
     .type = VALUE_NUMBER,
     .min = 0,
     .max = 1e9,
     .is_required = true,
     .description = "How many units."},
    {.name = "unit",
     .choices = (const char *const[]){"second", "minute", "hour", "day", "week", "month", NULL},
     .fallback = "\"day\"",
     .description = "month = 30 d."},
    {0},
};

static const struct {
    const char *name;
    int64_t us;
} units[] = {{"second", 1000000},
             {"minute", (int64_t)60 * 1000000},
             {"hour", (int64_t)3600 * 1000000},
             {"day", (int64_t)86400 * 1000000},
             {"week", (int64_t)7 * 86400 * 1000000},
             {"month", (int64_t)30 * 86400 * 1000000}};

/* 100 years: beyond it a window no longer limits anything. */
static const int64_t max_within_us = (int64_t)36525 * 86400 * 1000000;

int within_read(const json_t *arguments, int64_t *ret_us, struct err *ret_err)
{
    const json_t *within = json_object_get(arguments, "within");
    const char *unit = json_get_string(within, "unit", "day");
    double value = json_get_number(within, "value", 0);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].name, unit) != 0)
            continue;
        double us = value * (double)units[i].us;
        if (us > (double)max_within_us)
            return err_set(ret_err, ERR_ARGUMENT, "within.value", "at most 36525 days");
        *ret_us = (int64_t)us;
        return 0;
    }
    return err_set(ret_err, ERR_INTERNAL, "within.unit", "unknown unit");
}
