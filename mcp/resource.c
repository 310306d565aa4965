/* Resources: what is registered, what the program lists beside it, and reading. */
#include <stdlib.h>
#include <string.h>

#include "server_impl.h"
#include "uri_template.h"

enum {
    PAGE_SIZE = 100,
    URI_MAX = 4096,            /* bytes of one that is read */
    LISTED_TTL_MS = 30 * 1000, /* what the program lists comes from the data */
};

/* ---- registration ---- */

static json_t *define(const struct server_resource *resource, bool is_template)
{
    json_t *definition =
        json_pack("{s:s, s:s, s:s*, s:s*, s:s*}", is_template ? "uriTemplate" : "uri",
                  resource->uri, "name", resource->name, "title", resource->title, "description",
                  resource->description, "mimeType", resource->mime_type);
    if (resource->priority <= 0 ||
        json_object_set_new(definition, "annotations",
                            json_pack("{s:f}", "priority", resource->priority)) == 0)
        return definition;
    json_decref(definition);
    return NULL;
}

static int check_resource(const struct server *server, const struct server_resource *resource,
                          struct err *ret_err)
{
    if (resource->uri == NULL || resource->name == NULL || resource->read == NULL)
        return err_set(ret_err, ERR_INTERNAL, NULL, "a resource needs a uri, a name and a read");
    for (const struct resource_entry *e = server->resources; e != NULL; e = e->next) {
        if (strcmp(e->resource.uri, resource->uri) == 0)
            return err_set(ret_err, ERR_INTERNAL, NULL, "resource %s is registered twice",
                           resource->uri);
    }
    return uri_template_check(resource->uri, ret_err);
}

int server_add_resource(struct server *server, const struct server_resource *resource,
                        struct err *ret_err)
{
    int rc = check_resource(server, resource, ret_err);
    if (rc < 0)
        return rc;
    struct resource_entry *entry = calloc(1, sizeof *entry);
    bool is_template = uri_template_is(resource->uri);
    json_t *definition = define(resource, is_template);
    if (entry == NULL || definition == NULL) {
        free(entry);
        json_decref(definition);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    entry->resource = *resource;
    entry->is_template = is_template;
    entry->definition = definition;
    struct resource_entry **end = &server->resources;
    while (*end != NULL)
        end = &(*end)->next;
    *end = entry;
    return 0;
}

void resources_free(struct server *server)
{
    while (server->resources != NULL) {
        struct resource_entry *entry = server->resources;
        server->resources = entry->next;
        json_decref(entry->definition);
        free(entry);
    }
}

bool has_resources(const struct request *request)
{
    const struct server *server = request->answer.server;
    return server->resources != NULL || server->options.list_resources != NULL;
}

const struct resource_entry *find_resource(const struct server *server, const char *uri,
                                           json_t **ret_variables)
{
    if (!uri_is_plain(uri))
        return NULL;
    for (const struct resource_entry *e = server->resources; e != NULL; e = e->next) {
        if (e->is_template || strcmp(e->resource.uri, uri) != 0)
            continue;
        *ret_variables = json_object();
        return *ret_variables != NULL ? e : NULL;
    }
    for (const struct resource_entry *e = server->resources; e != NULL; e = e->next) {
        json_t *variables = e->is_template ? uri_template_match(e->resource.uri, uri) : NULL;
        if (variables == NULL)
            continue;
        *ret_variables = variables;
        return e;
    }
    return NULL;
}

/* ---- lists ---- */

/* Adds the definitions of one kind; NULL when out of memory. Takes and returns the reference. */
static json_t *add_definitions(json_t *list, const struct server *server, bool is_template)
{
    int rc = list != NULL ? 0 : -1;
    for (const struct resource_entry *e = server->resources; rc == 0 && e != NULL; e = e->next) {
        if (e->is_template == is_template)
            rc = json_array_append(list, e->definition);
    }
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

static size_t page_size(const struct server *server)
{
    return server->options.page_size > 0 ? server->options.page_size : PAGE_SIZE;
}

static void begin_list(struct call *call)
{
    const struct server_options *options = &call_answer_of(call)->server->options;
    if (options->list_resources != NULL)
        options->list_resources(call, options->user);
    else
        call_answer(call, json_pack("{s:[]}", "resources"));
}

/* Puts the registered ones in front of what the program listed, and cuts the page. */
static json_t *shape_list(struct call *call, json_t *result)
{
    const struct answer *answer = call_answer_of(call);
    const struct server *server = answer->server;
    json_t *listed = json_object_get(result, "resources");
    json_t *all = add_definitions(json_array(), server, false);
    if (all != NULL && listed != NULL && json_array_extend(all, listed) != 0) {
        json_decref(all);
        all = NULL;
    }
    json_decref(result);
    size_t from = (size_t)json_integer_value(json_object_get(call_arguments(call), "from"));
    json_t *page = page_cut("resources", all, from, page_size(server), answer->version);
    bool is_fixed = server->options.list_resources == NULL;
    answer_cacheable(answer, page, is_fixed ? LIST_TTL_MS : LISTED_TTL_MS, is_fixed);
    return page;
}

void handle_resources_list(struct request *request)
{
    static const struct call_kind kind = {.begin = begin_list, .shape = shape_list};
    size_t from;
    if (page_take_cursor(request, "resources", &from))
        call_begin(request, &kind, NULL, json_pack("{s:I}", "from", (json_int_t)from));
}

void handle_resource_templates_list(struct request *request)
{
    const struct server *server = request->answer.server;
    size_t from;
    if (page_take_cursor(request, "resourceTemplates", &from))
        page_answer(request, "resourceTemplates", add_definitions(json_array(), server, true), from,
                    page_size(server));
}

/* ---- reading ---- */

static const char *uri_of(const struct call *call)
{
    return json_string_value(json_object_get(call_arguments(call), "uri"));
}

static void begin_read(struct call *call)
{
    const struct resource_entry *entry = call_target(call);
    if (entry == NULL) {
        struct err err;
        err_set(&err, ERR_NOT_FOUND, NULL, "Resource not found: %.300s", uri_of(call));
        call_fail(call, &err);
        return;
    }
    const struct server_resource *resource = &entry->resource;
    resource->read(call, uri_of(call), json_object_get(call_arguments(call), "variables"),
                   resource->user);
}

static json_t *shape_read(struct call *call, json_t *result)
{
    const struct answer *answer = call_answer_of(call);
    const struct resource_entry *entry = call_target(call);
    json_t *contents = answer_all_known(json_object_get(result, "contents"), answer->version);
    if (json_object_set_new(result, "contents", contents) != 0) {
        json_decref(result);
        return NULL;
    }
    answer_cacheable(answer, result, entry->resource.ttl_ms, entry->resource.is_public);
    return result;
}

void handle_resources_read(struct request *request)
{
    static const struct call_kind kind = {
        .is_resource = true,
        .may_ask = true,
        .begin = begin_read,
        .shape = shape_read,
    };
    const json_t *asked = json_object_get(request->message->params, "uri");
    if (!json_is_string(asked) || json_string_length(asked) > URI_MAX) {
        answer_invalid(&request->answer, "uri must be a string of at most %d bytes", URI_MAX);
        return;
    }
    /* People write names into URIs as they are; what we answer must be one. */
    char *uri = uri_plain(json_string_value(asked));
    json_t *variables = NULL;
    const struct resource_entry *entry =
        uri != NULL ? find_resource(request->answer.server, uri, &variables) : NULL;
    call_begin(request, &kind, entry, json_pack("{s:s, s:o*}", "uri", uri, "variables", variables));
    free(uri);
}
