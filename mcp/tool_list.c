/* Tools: registration and tools/list. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "server_impl.h"

static void release(const struct server_tool *tool)
{
    json_decref(tool->input_schema);
    json_decref(tool->output_schema);
    json_decref(tool->meta);
    json_decref(tool->client_capabilities);
}

static void free_entry(struct tool_entry *entry)
{
    release(&entry->tool);
    json_decref(entry->definition);
    json_decref(entry->param_headers);
    free(entry);
}

void tools_free(struct server *server)
{
    while (server->tools != NULL) {
        struct tool_entry *entry = server->tools;
        server->tools = entry->next;
        free_entry(entry);
    }
}

/* The hints are spelled out where the protocol's default would say something else. */
static json_t *define(const struct server_tool *tool)
{
    return json_pack("{s:s, s:s*, s:s*, s:O, s:O*, s:{s:b, s:b}, s:O*}", "name", tool->name,
                     "title", tool->title, "description", tool->description, "inputSchema",
                     tool->input_schema, "outputSchema", tool->output_schema, "annotations",
                     "readOnlyHint", tool->is_read_only, "openWorldHint", 0, "_meta", tool->meta);
}

static int check_tool(const struct server *server, const struct server_tool *tool,
                      struct err *ret_err)
{
    if (tool->name == NULL || tool->start == NULL)
        return err_set(ret_err, ERR_INTERNAL, NULL, "a tool needs a name and a start");
    if (find_tool(server, tool->name) != NULL)
        return err_set(ret_err, ERR_INTERNAL, NULL, "tool %s is registered twice", tool->name);
    if (strcmp(json_get_string(tool->input_schema, "type", ""), "object") != 0)
        return err_set(ret_err, ERR_INTERNAL, NULL, "tool %s has no object as its input",
                       tool->name);
    return 0;
}

int server_add_tool(struct server *server, const struct server_tool *tool, struct err *ret_err)
{
    struct tool_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        release(tool);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    entry->tool = *tool;
    int rc = check_tool(server, tool, ret_err);
    if (rc == 0)
        rc = param_headers_find(tool, &entry->param_headers, ret_err);
    if (rc == 0 && (entry->definition = define(tool)) == NULL)
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc < 0) {
        free_entry(entry);
        return rc;
    }
    struct tool_entry **end = &server->tools;
    while (*end != NULL)
        end = &(*end)->next;
    *end = entry;
    return 0;
}

bool is_tool_offered(const struct request *request, const struct server_tool *tool)
{
    const struct server_options *options = &request->answer.server->options;
    const struct message_headers *headers = request->headers;
    return options->offers == NULL ||
           options->offers(tool, headers != NULL ? headers->toolsets : NULL);
}

bool has_tools(const struct request *request)
{
    for (const struct tool_entry *e = request->answer.server->tools; e != NULL; e = e->next) {
        if (is_tool_offered(request, &e->tool))
            return true;
    }
    return false;
}

const struct server_tool *find_tool(const struct server *server, const char *name)
{
    for (const struct tool_entry *e = server->tools; e != NULL; e = e->next) {
        if (strcmp(e->tool.name, name) == 0)
            return &e->tool;
    }
    return NULL;
}

/* There is one page, since many clients read no more. */
void handle_tools_list(struct request *request)
{
    size_t from;
    if (!page_take_cursor(request, "tools", &from))
        return;
    json_t *list = json_array();
    for (const struct tool_entry *e = request->answer.server->tools; e != NULL; e = e->next) {
        if (!is_tool_offered(request, &e->tool) || json_array_append(list, e->definition) == 0)
            continue;
        json_decref(list);
        list = NULL;
        break;
    }
    page_answer(request, "tools", list, from, SIZE_MAX);
}
