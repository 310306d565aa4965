/* sextant tools: what there is to call, for people, for scripts, and as the reference page. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "catalog.h"
#include "commands.h"
#include "era.h"
#include "json.h"
#include "serve_tools.h"

const struct flag tools_flags[] = {
    {"--json", NULL, "the array that tools/list answers"},
    {"--markdown", NULL, "docs/tools.md: every tool, its arguments and its result"},
    {0},
};

/* --- as tools/list ------------------------------------------------------------------------- */

/* The server itself is asked, so that this can be no other answer than a client gets. */
struct asking {
    struct channel channel;
    json_t *answer;
};

static void take_answer(struct channel *channel, json_t *message, int status, bool is_last)
{
    (void)status;
    (void)is_last;
    struct asking *asking = (struct asking *)channel;
    json_decref(asking->answer);
    asking->answer = message;
}

static json_t *ask_for_list(struct server *server)
{
    static const struct channel_ops ops = {.send = take_answer};
    struct asking asking = {.channel = {.ops = &ops}};
    struct peer *peer = peer_new(server, NULL);
    json_t *message =
        json_pack("{s:s, s:i, s:s, s:{s:{s:s, s:{}, s:{s:s, s:s}}}}", "jsonrpc", "2.0", "id", 1,
                  "method", "tools/list", "params", "_meta", ERA_META_VERSION,
                  era_modern_versions[0], ERA_META_CAPABILITIES, ERA_META_CLIENT_INFO, "name",
                  "sextant tools", "version", SEXTANT_VERSION);
    if (peer != NULL && message != NULL)
        server_receive(server, peer, &asking.channel, message, NULL);
    json_decref(message);
    peer_free(peer);
    return asking.answer;
}

static int print_json(struct app *app)
{
    struct server *server = NULL;
    struct serve_tools *tools = NULL;
    struct err err = {0};
    if (serve_new(app, &server, &tools, &err) < 0)
        return command_usage_error(app, "%s", err.text);
    json_t *answer = ask_for_list(server); /* there is one page */
    const json_t *all = json_object_get(json_object_get(answer, "result"), "tools");
    struct buf out = {0};
    int code;
    if (all == NULL) {
        err_set(&err, ERR_INTERNAL, NULL, "the list could not be made");
        code = command_fail(&err);
    } else {
        json_add(&out, all, JSON_PLAIN);
        buf_putc(&out, '\n');
        code = command_print(app, &out);
    }
    json_decref(answer);
    server_free(server);
    serve_tools_free(tools);
    return code;
}

/* --- for people ---------------------------------------------------------------------------- */

static void add_overview(const struct app *app, struct buf *out)
{
    for (size_t i = 0; catalog[i] != NULL; i++) {
        const struct tool *tool = catalog[i];
        buf_printf(out, "%c %-20s %-12s %s\n",
                   serve_selects(app->config.toolsets, tool) ? '*' : ' ', tool->name, tool->toolset,
                   tool->title);
    }
    buf_puts(out, "\n* offered with these --toolsets. More: sextant tools --json, docs/tools.md\n");
}

/* --- one tool, for a terminal -------------------------------------------------------------- */

static void add_param_lines(struct buf *out, const struct param *params, int depth)
{
    for (const struct param *row = params; row != NULL && row->name != NULL; row++) {
        char left[64];
        snprintf(left, sizeof left, "%*s%s%s", 2 * depth, "", row->name, row->is_list ? "[]" : "");
        buf_printf(out, "  %-20s %s", left, row->description != NULL ? row->description : "");
        for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
            buf_printf(out, "%s%s", i == 0 ? " One of " : ", ", row->choices[i]);
        if (row->fallback != NULL)
            buf_printf(out, " (default %s)", row->fallback);
        else if (row->is_required)
            buf_puts(out, " (required)");
        buf_putc(out, '\n');
        if (row->fields != NULL && depth < 2)
            add_param_lines(out, row->fields, depth + 1);
    }
}

bool tools_help(const char *name, struct buf *out)
{
    const struct tool *tool = catalog_find(name);
    if (tool == NULL)
        return false;
    buf_printf(out, "usage: sextant call %s ['{json}' | - | @FILE] [OPTIONS]\n\n%s\n\nArguments:\n",
               tool->name, tool->description);
    add_param_lines(out, tool->params, 0);
    buf_puts(out, "\nOptions: sextant call --help\n");
    return true;
}

/* --- the reference page -------------------------------------------------------------------- */

static const char *const type_words[] = {
    [VALUE_STRING] = "text",    [VALUE_INTEGER] = "whole number", [VALUE_NUMBER] = "number",
    [VALUE_BOOLEAN] = "yes/no", [VALUE_OBJECT] = "object",
};

/* A "|" would end the cell. */
static void add_text(struct buf *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '|')
            buf_putc(out, '\\');
        buf_putc(out, *text);
    }
}

/* The two shapes that most tools share have a section of their own. */
static const char *shared_shape(const struct param *row)
{
    if (row->fields == arg_filter_fields)
        return "[filter](#filter)";
    return row->fields == arg_matcher_fields ? "[matcher](#matcher)" : NULL;
}

static void add_kind(struct buf *out, const struct param *row)
{
    const char *shape = shared_shape(row);
    if (row->is_list)
        buf_puts(out, "list of ");
    if (row->choices != NULL) {
        for (size_t i = 0; row->choices[i] != NULL; i++)
            buf_printf(out, i == 0 ? "`%s`" : ", `%s`", row->choices[i]);
    } else {
        buf_puts(out, shape != NULL ? shape : type_words[row->type]);
    }
    if (row->min != 0 || row->max != 0) {
        if (row->max >= row->min)
            buf_printf(out, ", %.15g to %.15g", row->min, row->max);
        else
            buf_printf(out, ", at least %.15g", row->min);
    }
}

static void add_params(struct buf *out, const struct param *params, const char *prefix, int depth)
{
    for (const struct param *row = params; row != NULL && row->name != NULL; row++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s%s", prefix, row->name, row->is_list ? "[]" : "");
        buf_printf(out, "| `%s` | ", path);
        add_kind(out, row);
        buf_puts(out, " | ");
        if (row->fallback != NULL)
            buf_printf(out, "`%s`", row->fallback);
        else if (row->is_required)
            buf_puts(out, "required");
        buf_puts(out, " | ");
        add_text(out, row->description);
        buf_puts(out, " |\n");
        if (row->fields != NULL && shared_shape(row) == NULL && depth < 3) {
            char inner[sizeof path + 1];
            snprintf(inner, sizeof inner, "%s.", path);
            add_params(out, row->fields, inner, depth + 1);
        }
    }
}

static void add_param_table(struct buf *out, const struct param *params)
{
    buf_puts(out, "| argument | type | default | meaning |\n|---|---|---|---|\n");
    add_params(out, params, "", 0);
    buf_putc(out, '\n');
}

static void add_fields(struct buf *out, const struct field *fields, const char *prefix, int depth)
{
    for (const struct field *row = fields; row != NULL && row->name != NULL; row++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s%s", prefix, row->name, row->is_list ? "[]" : "");
        buf_printf(out, "| `%s` | %s%s%s | ", path, row->is_list ? "list of " : "",
                   type_words[row->type], row->is_optional ? ", may be absent" : "");
        add_text(out, row->description);
        buf_puts(out, " |\n");
        if (row->fields != NULL && depth < 4) {
            char inner[sizeof path + 1];
            snprintf(inner, sizeof inner, "%s.", path);
            add_fields(out, row->fields, inner, depth + 1);
        }
    }
}

static void add_page(struct buf *out)
{
    buf_puts(out, "# Tools\n\n<!-- made by `sextant tools --markdown`: do not edit -->\n\n"
                  "★ = in the default set `core`. Every result also has `meta`: source, period, "
                  "rows and bytes read, time, what was truncated, warnings, proposed next calls, "
                  "and with `explain` the queries.\n\n"
                  "## Matcher\n\nWhich events are meant. A bare string stands for `{event}`; no "
                  "`event` and no `any_of` means any event.\n\n");
    add_param_table(out, arg_matcher_fields);
    buf_puts(out, "## Filter\n\n");
    add_param_table(out, arg_filter_fields);
    for (size_t i = 0; catalog[i] != NULL; i++) {
        const struct tool *tool = catalog[i];
        buf_printf(out, "## %s%s\n\n%s (set `%s`)\n\n%s\n\n", tool->name,
                   (tool->flags & TOOL_CORE) != 0 ? " ★" : "", tool->title, tool->toolset,
                   tool->description);
        if (tool->params != NULL && tool->params->name != NULL)
            add_param_table(out, tool->params);
        else
            buf_puts(out, "No arguments.\n\n");
        buf_puts(out, "| result | type | meaning |\n|---|---|---|\n");
        add_fields(out, tool->fields, "", 0);
        buf_putc(out, '\n');
    }
    serve_reference_resources(out);
    serve_reference_prompts(out);
}

int tools_command(struct app *app, int argc, char **argv)
{
    bool is_json = false, is_markdown = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            is_json = true;
        else if (strcmp(argv[i], "--markdown") == 0)
            is_markdown = true;
        else
            return command_usage_error(app, "unexpected \"%.60s\"", argv[i]);
    }
    if (is_json && is_markdown)
        return command_usage_error(app, "--json or --markdown, not both");
    if (is_json)
        return print_json(app);
    struct err err = {0};
    if (serve_check_toolsets(app->config.toolsets, &err) < 0)
        return command_usage_error(app, "%s", err.text);
    struct buf out = {0};
    if (is_markdown)
        add_page(&out);
    else
        add_overview(app, &out);
    return command_print(app, &out);
}
