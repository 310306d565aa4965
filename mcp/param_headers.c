/* Arguments that a client repeats in headers (x-mcp-header), so that whoever routes a request need
 * not parse its body. A client drops a tool whose annotations break the rules: such a tool is
 * refused at registration. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "server_impl.h"

#define ANNOTATION "x-mcp-header"
#define PREFIX     "mcp-param-"

enum { HEADER_MAX = 64 /* bytes of the annotation */ };

/* ---- at registration ---- */

struct search {
    const struct server_tool *tool;
    json_t *found; /* {header: path} */
    json_t *path;  /* names of properties, from the root */
    struct err *err;
};

static int refuse_tool(const struct search *search, const char *fault)
{
    return err_set(search->err, ERR_INTERNAL, NULL, "tool %s: " ANNOTATION " %s",
                   search->tool->name, fault);
}

static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL)
            return false;
    }
    return text[0] != '\0';
}

static int note_annotation(struct search *search, const json_t *schema)
{
    const char *name = json_string_value(json_object_get(schema, ANNOTATION));
    const char *type = json_get_string(schema, "type", "");
    char header[sizeof PREFIX + HEADER_MAX];
    if (json_array_size(search->path) == 0)
        return refuse_tool(search, "stands on what no chain of properties leads to");
    if (name == NULL || !is_token(name) || strlen(name) > HEADER_MAX)
        return refuse_tool(search, "must be a token of at most 64 characters");
    if (strcmp(type, "string") != 0 && strcmp(type, "integer") != 0 && strcmp(type, "boolean") != 0)
        return refuse_tool(search, "may only stand on a string, an integer or a boolean");
    snprintf(header, sizeof header, PREFIX "%s", name);
    for (char *c = header; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    if (json_object_get(search->found, header) != NULL)
        return refuse_tool(search, "names the same header twice");
    if (json_object_set_new(search->found, header, json_copy(search->path)) != 0)
        return err_set(search->err, ERR_MEMORY, NULL, "out of memory");
    return 0;
}

/* Keywords whose values are data: what looks like an annotation in them is none. */
static bool is_data(const char *keyword)
{
    static const char *const keywords[] = {"const", "enum", "default", "examples"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strcmp(keywords[i], keyword) == 0)
            return true;
    }
    return false;
}

/* Whether there is an annotation anywhere below: there it can only be wrong. */
static bool has_annotation(const json_t *value)
{
    const char *key, *name;
    json_t *member, *property;
    size_t i;
    bool is_found = false;
    json_object_foreach ((json_t *)value, key, member) {
        if (strcmp(key, "properties") != 0)
            is_found |= strcmp(key, ANNOTATION) == 0 || (!is_data(key) && has_annotation(member));
        /* The keys of this one are names, not keywords. */
        else
            json_object_foreach (member, name, property)
                is_found |= has_annotation(property);
    }
    json_array_foreach (value, i, member)
        is_found |= has_annotation(member);
    return is_found;
}

static int search_schema(struct search *search, const json_t *schema)
{
    const char *key, *name;
    json_t *value, *property;
    int rc = 0;
    json_object_foreach ((json_t *)schema, key, value) {
        if (strcmp(key, ANNOTATION) == 0)
            rc = note_annotation(search, schema);
        else if (strcmp(key, "properties") != 0 && !is_data(key) && has_annotation(value))
            rc = refuse_tool(search, "stands on what no chain of properties leads to");
        if (rc < 0)
            return rc;
    }
    json_object_foreach (json_object_get(schema, "properties"), name, property) {
        if (json_array_append_new(search->path, json_string(name)) != 0)
            return err_set(search->err, ERR_MEMORY, NULL, "out of memory");
        rc = search_schema(search, property);
        json_array_remove(search->path, json_array_size(search->path) - 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int param_headers_find(const struct server_tool *tool, json_t **ret_headers, struct err *ret_err)
{
    struct search search = {
        .tool = tool,
        .found = json_object(),
        .path = json_array(),
        .err = ret_err,
    };
    int rc = search.found != NULL && search.path != NULL
                 ? search_schema(&search, tool->input_schema)
                 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    json_decref(search.path);
    if (rc == 0 && json_object_size(search.found) > 0)
        *ret_headers = json_incref(search.found);
    json_decref(search.found);
    return rc;
}

/* ---- at a call ---- */

/* Whether the header says this number, in whatever decimal form. */
static bool is_number(const char *header, const json_t *value)
{
    char *end;
    if (header[0] == '\0' || isspace((unsigned char)header[0]))
        return false;
    errno = 0;
    long long whole = strtoll(header, &end, 10);
    if (*end == '\0' && json_is_integer(value))
        return errno == 0 && whole == json_integer_value(value);
    if (strspn(header, "+-.0123456789eE") != strlen(header))
        return false;
    double number = strtod(header, &end);
    double expected = json_number_value(value);
    return *end == '\0' && number >= expected && number <= expected;
}

static bool header_says(const char *header, const json_t *value)
{
    if (json_is_string(value))
        return json_plain_string(value) != NULL &&
               era_header_equals(header, json_string_value(value));
    if (json_is_boolean(value))
        return era_header_equals(header, json_is_true(value) ? "true" : "false");
    if (!json_is_number(value))
        return false;
    char *text = json_text(value);
    bool is_equal = text != NULL && era_header_equals(header, text);
    free(text);
    return is_equal || is_number(header, value);
}

static const json_t *argument_at(const json_t *arguments, const json_t *path)
{
    size_t i;
    const json_t *name;
    json_array_foreach (path, i, name)
        arguments = json_object_get(arguments, json_string_value(name));
    return arguments;
}

bool check_param_headers(const struct request *request, const struct server_tool *tool,
                         const json_t *arguments)
{
    const struct tool_entry *entry = (const struct tool_entry *)tool; /* its first member */
    const struct message_headers *headers = request->headers;
    if (headers == NULL || request->answer.era != ERA_MODERN)
        return true;
    const char *name;
    json_t *path;
    json_object_foreach (entry->param_headers, name, path) {
        const json_t *value = argument_at(arguments, path);
        const char *header = headers->find != NULL ? headers->find(headers->user, name) : NULL;
        bool is_absent = value == NULL || json_is_null(value);
        if (is_absent ? header == NULL : header != NULL && header_says(header, value))
            continue;
        answer_error(&request->answer, RPC_HEADER_MISMATCH, 400, NULL, "the header %s %s", name,
                     header == NULL ? "is missing, it must repeat an argument"
                     : is_absent    ? "repeats an argument that is not there"
                                    : "differs from the argument that it repeats");
        return false;
    }
    return true;
}
