#include "cell.h"

#include <string.h>

#include "text.h"
#include "json.h"

const char cell_other[] = "(other)", cell_none[] = "(none)", cell_drop_off[] = "(drop-off)";

int cell_values(const json_t *cell, size_t count, json_t **ret_values, struct err *ret_err)
{
    json_t *values = json_object_get(cell, "breakdown");
    if (values == NULL || (count == 0 && json_is_array(values) && json_array_size(values) == 0))
        return 0;
    bool is_good = json_is_array(values) && json_array_size(values) == count;
    for (size_t i = 0; i < json_array_size(values); i++)
        is_good = is_good && json_is_string(json_array_get(values, i));
    if (!is_good)
        return err_set(ret_err, ERR_ARGUMENT, "cell.breakdown",
                       "expected a list of %zu texts, one for each breakdown field", count);
    *ret_values = values;
    return 0;
}

bool cell_is_other(const json_t *values)
{
    const char *first = json_at_string(values, 0);
    return first != NULL && strcmp(first, cell_other) == 0;
}

json_t *cell_value_names(bool is_other, const json_t *values, size_t count)
{
    if (!is_other)
        return json_incref((json_t *)values);
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, json_string(cell_other));
    return names;
}

char *cell_value_text(const json_t *values, char *out, size_t size)
{
    struct buf all = {0};
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *value = json_at_string(values, i);
        char part[84];
        buf_printf(&all, "%s%s", i > 0 ? ", " : "",
                   text_fit(part, sizeof part, value[0] != '\0' ? value : cell_none));
    }
    text_line(text_fit(out, size, buf_text(&all)));
    buf_done(&all);
    return out;
}

int cell_plan_actors(struct run *run, struct query *q, const struct sql_text *text,
                     const struct query_fragment *fragments, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 50, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    query_set_integer(q, "limit", limit);
    query_set_integer(q, "offset", offset);
    rc = run_query(run, q, text, fragments, (size_t)limit + 1, ret_err);
    return rc < 0 ? rc : 0;
}
