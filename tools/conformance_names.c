/* Activities as numbers: those of the cases by their place among the sorted names, from 1, those
 * that only the model names behind them. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "text.h"
#include "json.h"

const char *conformance_name(const struct conformance *c, uint32_t code)
{
    if (code == 0 || code == no_activity)
        return NULL;
    if (code > c->name_count + c->other_count)
        return process_other;
    if (code > c->name_count)
        return c->others[code - c->name_count - 1];
    return json_at_string(c->names, code - 1);
}

char *conformance_label(const struct conformance *c, uint32_t code, char *out)
{
    const char *name = conformance_name(c, code);
    return text_line(text_fit(out, CONFORMANCE_LABEL, name != NULL ? name : ""));
}

static uint32_t place_of(const struct conformance *c, const char *name)
{
    size_t low = 0, high = c->name_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(json_at_string(c->names, middle), name);
        if (order == 0)
            return (uint32_t)middle + 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

uint32_t conformance_code(struct conformance *c, const char *name)
{
    uint32_t place = place_of(c, name);
    if (place > 0)
        return place;
    for (size_t i = 0; i < c->other_count; i++)
        if (strcmp(c->others[i], name) == 0)
            return (uint32_t)(c->name_count + i) + 1;
    const char **others = realloc(c->others, (c->other_count + 1) * sizeof *others);
    if (others == NULL)
        return no_activity;
    c->others = others;
    c->others[c->other_count++] = name;
    return (uint32_t)(c->name_count + c->other_count);
}
