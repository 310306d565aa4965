/* What tools say about a result beside its figures, and how they name times and pages in it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "period.h"
#include "rpc.h"
#include "run_internal.h"

void run_warn(struct run *run, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *warnings = run_state_of(run)->warnings, *warning = rpc_text(text);
    for (size_t i = 0; i < json_array_size(warnings); i++)
        if (json_equal(json_array_get(warnings, i), warning)) { /* it is said already */
            json_decref(warning);
            return;
        }
    json_array_append_new(warnings, warning);
}

void run_suggest(struct run *run, const char *tool, json_t *arguments, const char *why)
{
    json_array_append_new(run_state_of(run)->next, json_pack("{s:s, s:o, s:s}", "tool", tool,
                                                             "arguments", arguments, "why", why));
}

void run_link(struct run *run, json_t *uri, const char *name, const char *mime_type,
              const char *description)
{
    if (uri != NULL)
        json_array_append_new(run_state_of(run)->links,
                              json_pack("{s:s, s:o, s:s, s:s, s:s}", "type", "resource_link", "uri",
                                        uri, "name", name, "mimeType", mime_type, "description",
                                        description));
}

void run_truncated(struct run *run, const char *reason, int64_t limit, const char *hint)
{
    struct run_state *r = run_state_of(run);
    json_decref(r->truncated);
    r->truncated =
        json_pack("{s:s, s:I, s:s}", "reason", reason, "limit", (json_int_t)limit, "hint", hint);
}

bool run_takes(const struct tool *tool, const char *param)
{
    const struct param *p = tool->params;
    while (p->name != NULL && strcmp(p->name, param) != 0)
        p++;
    return p->name != NULL;
}

json_t *run_same_arguments(const struct run *run)
{
    json_t *same = json_object();
    const struct param *p;
    for (p = run->tool->params; p->name != NULL; p++) {
        json_t *value = json_object_get(run->arguments, p->name);
        if (value == NULL || strcmp(p->name, "limit") == 0 || strcmp(p->name, "cursor") == 0 ||
            strcmp(p->name, "format") == 0 || strcmp(p->name, "explain") == 0)
            continue;
        json_t *fallback =
            p->fallback != NULL ? json_loads(p->fallback, JSON_DECODE_ANY, NULL) : NULL;
        if (fallback == NULL || !json_equal(fallback, value))
            json_object_set(same, p->name, value);
        json_decref(fallback);
    }
    return same;
}

int run_page(const struct run *run, int64_t fallback_limit, int64_t *ret_limit, int64_t *ret_offset,
             struct err *ret_err)
{
    const char *cursor = json_get_string(run->arguments, "cursor", NULL);
    *ret_limit = json_get_integer(run->arguments, "limit", fallback_limit);
    *ret_offset = 0;
    if (cursor == NULL || cursor[0] == '\0')
        return 0;
    char *end;
    long long offset = cursor[0] == 'o' ? strtoll(cursor + 1, &end, 10) : -1;
    if (offset < 0 || offset > 1000000000 || *end != '\0')
        return err_set(ret_err, ERR_ARGUMENT, "cursor",
                       "'%.40s' is no cursor of this tool; pass the one of the last result",
                       cursor);
    *ret_offset = offset;
    return 0;
}

void run_set_cursor(struct run *run, int64_t next_offset)
{
    json_object_set_new(run->result, "cursor", json_sprintf("o%lld", (long long)next_offset));
}

json_t *run_time(const struct run *run, int64_t unix_us)
{
    char text[48];
    period_format(unix_us, run->period.zone, text, sizeof text);
    return json_string(text);
}

json_t *run_date(const struct run *run, int64_t unix_us)
{
    char text[48];
    period_format_date(unix_us, run->period.zone, text, sizeof text);
    return json_string(text);
}
