#include "cell_why.h"

#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "rows_where.h"
#include "text.h"

enum { MAX_NAMED = 16, MAX_VALUES = 5000, SHOWN_VALUES = 12 };

/* A field, and the value of it that the cell names at `path`. */
struct named {
    const char *field, *value;
    char path[32];
};

struct cell_names {
    struct named items[MAX_NAMED];
    size_t count;
};

/* What results call what has no value of its own. */
static bool is_placeholder(const char *value)
{
    static const char *const words[] = {"", cell_other, cell_none, cell_drop_off};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

static void add_name(struct cell_names *names, const char *field, const char *value,
                     const char *path, size_t index)
{
    if (field == NULL || value == NULL || is_placeholder(value) || names->count == MAX_NAMED)
        return;
    struct named *item = &names->items[names->count++];
    *item = (struct named){.field = field, .value = value};
    if (index == SIZE_MAX)
        snprintf(item->path, sizeof item->path, "cell.%s", path);
    else
        snprintf(item->path, sizeof item->path, "cell.%s[%zu]", path, index);
}

/* What the two ends of an edge are values of; NULL where `clean` makes something else of them. */
static const char *field_of_ends(const struct run *run)
{
    if (strcmp(run->subject->name, "handover_network") == 0)
        return "resource";
    return json_array_size(json_object_get(run->arguments, "clean")) == 0
               ? json_get_string(run->arguments, "node", "event")
               : NULL;
}

/* By the members that the arguments and cells of the tools have. */
static struct cell_names read_names(const struct run *run)
{
    struct cell_names names = {.count = 0};
    const json_t *arguments = run->arguments, *cell = json_object_get(arguments, "cell");
    const json_t *fields = json_object_get(arguments, "breakdown"),
                 *values = json_object_get(cell, "breakdown");
    for (size_t i = 0; i < json_array_size(fields); i++)
        add_name(&names, json_at_string(fields, i), json_at_string(values, i), "breakdown", i);
    const char *ends = field_of_ends(run);
    add_name(&names, ends, json_get_string(cell, "from", NULL), "from", SIZE_MAX);
    add_name(&names, ends, json_get_string(cell, "to", NULL), "to", SIZE_MAX);
    const json_t *activities = json_object_get(cell, "activities");
    for (size_t i = 0; i < json_array_size(activities); i++)
        add_name(&names, "event", json_at_string(activities, i), "activities", i);
    add_name(&names, "event", json_get_string(cell, "activity", NULL), "activity", SIZE_MAX);
    const char *field = json_get_string(cell, "field", json_get_string(arguments, "field", NULL));
    add_name(&names, field, json_get_string(cell, "value", NULL), "value", SIZE_MAX);
    return names;
}

/* Whether its field is another one than that before: the two ends of an edge are of one. */
static bool is_new_field(const struct cell_names *names, size_t i)
{
    return i == 0 || strcmp(names->items[i].field, names->items[i - 1].field) != 0;
}

int cell_why_plan(struct run *run, struct err *ret_err)
{
    struct cell_names names = read_names(run);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < names.count; i++)
        if (is_new_field(&names, i))
            rc = rows_plan_values(run, names.items[i].field, "", NULL, MAX_VALUES, 0, ret_err);
    return rc;
}

static bool is_among(const json_t *rows, const char *value)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (strcmp(json_at_string(json_array_get(rows, i), 0), value) == 0)
            return true;
    return false;
}

/* Beyond the values that were read there may be more: then nothing can be said. */
static bool tell(struct run *run, const struct named *name, const json_t *rows)
{
    size_t count = json_array_size(rows);
    if (is_among(rows, name->value) || count == MAX_VALUES)
        return false;
    const char **values = calloc(count + 1, sizeof *values);
    struct buf there = {0};
    for (size_t i = 0; values != NULL && i < count; i++)
        values[i] = json_at_string(json_array_get(rows, i), 0);
    if (values != NULL) {
        size_t left = text_names(&there, "There are", bind_nearest(name->value, values, count),
                                 values, count, SHOWN_VALUES);
        if (left > 0)
            buf_printf(&there, " and %zu more (property_values)", left);
    }
    struct buf why = {0};
    buf_printf(&why, "no event%s in this period ", nameless_restriction(run));
    if (strcmp(name->field, "event") == 0)
        buf_printf(&why, "is called '%.100s'", name->value);
    else
        buf_printf(&why, "has '%.100s' as its %.100s", name->value, name->field);
    run_warn(run, "%s: %s", name->path, buf_text(&why));
    bool is_guess = buf_text(&there)[0] == 'd'; /* did you mean */
    buf_printf(&run->text, "Nothing is in this cell: %s%s %s.\n", buf_text(&why),
               is_guess ? ";" : ".", buf_text(&there));
    buf_done(&why);
    buf_done(&there);
    free(values);
    return true;
}

bool cell_why_shape(struct run *run, int query)
{
    struct cell_names names = read_names(run);
    for (size_t i = 0; i < names.count; i++) {
        query += i > 0 && is_new_field(&names, i);
        if (tell(run, &names.items[i], run_rows(run, query)))
            return true;
    }
    return false;
}
