/* Results and errors of both eras, on their way to a channel. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "buf.h"
#include "server_impl.h"

enum {
    TEXT_SIZE = 1024,  /* of an error */
    NAMES_BYTES = 900, /* of its text, when it says which names there are */
};

struct batch {
    struct channel *channel;
    json_t *messages;
    size_t open;
    bool is_silent;
};

struct batch *batch_new(struct channel *channel)
{
    struct batch *batch = calloc(1, sizeof *batch);
    json_t *messages = json_array();
    if (batch == NULL || messages == NULL) {
        free(batch);
        json_decref(messages);
        return NULL;
    }
    *batch = (struct batch){.channel = channel, .messages = messages, .open = 1};
    return batch;
}

void batch_hold(struct batch *batch)
{
    batch->open++;
}

void batch_release(struct batch *batch, json_t *message)
{
    if (message != NULL)
        json_array_append_new(batch->messages, message);
    if (--batch->open > 0)
        return;
    struct channel *channel = batch->channel;
    json_t *messages = batch->messages;
    bool has_answer = !batch->is_silent && json_array_size(messages) > 0;
    free(batch);
    if (has_answer) {
        channel->ops->send(channel, messages, 200, true);
    } else {
        json_decref(messages);
        channel->ops->send(channel, NULL, 202, true);
    }
}

void batch_silence(struct batch *batch)
{
    batch->is_silent = true;
}

struct answer answer_copy(const struct answer *answer)
{
    struct answer copy = *answer;
    json_incref(copy.id);
    return copy;
}

void answer_done(struct answer *answer)
{
    json_decref(answer->id);
    answer->id = NULL;
}

static void deliver(const struct answer *answer, json_t *message, int status)
{
    if (answer->batch != NULL)
        batch_release(answer->batch, message);
    else
        answer->channel->ops->send(answer->channel, message, status, true);
}

void answer_nothing(const struct answer *answer)
{
    deliver(answer, NULL, 202);
}

/* The id an error carries. Without one the modern schema wants the member left out, while clients
 * of classic JSON-RPC look for a null. */
static const json_t *error_id(const struct answer *answer)
{
    if (answer->id != NULL)
        return answer->id;
    return answer->era == ERA_MODERN ? NULL : json_null();
}

void answer_error(const struct answer *answer, enum rpc_code code, int status, json_t *data,
                  const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* Without memory even for this the request ends in silence, which the client's own deadline
     * covers; the alternative would be to take the other calls down. */
    deliver(answer, rpc_error(error_id(answer), code, text, data), status);
}

void answer_invalid(const struct answer *answer, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    answer_error(answer, RPC_INVALID_PARAMS, 200, NULL, "Invalid params: %s", text);
}

void answer_no_memory(const struct answer *answer)
{
    answer_error(answer, RPC_INTERNAL_ERROR, 500, NULL, "Internal error: out of memory");
}

void answer_unknown(const struct answer *answer, const char *what, const char *name,
                    const char *const *names, size_t count)
{
    const char *nearest = bind_nearest(name, names, count);
    struct buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%s: %.100s", what, name);
    if (nearest != NULL)
        buf_printf(&text, "; did you mean %s?", nearest);
    buf_puts(&text, count > 0 ? " (there are: " : " (there is none)");
    for (size_t i = 0; i < count; i++) {
        if (text.len + strlen(names[i]) > NAMES_BYTES) {
            buf_puts(&text, "…)");
            break;
        }
        buf_printf(&text, "%s%s", names[i], i + 1 < count ? ", " : ")");
    }
    answer_error(answer, RPC_INVALID_PARAMS, 200, NULL, "%s", buf_text(&text));
    buf_done(&text);
}

static int mark_modern(const struct answer *answer, json_t *result)
{
    int rc = 0;
    if (json_object_get(result, "resultType") == NULL)
        rc |= json_object_set_new(result, "resultType", json_string("complete"));
    if (json_object_get(result, "_meta") == NULL)
        rc |= json_object_set_new(result, "_meta", json_object());
    rc |= json_object_set_new(json_object_get(result, "_meta"), ERA_META_SERVER_INFO,
                              answer_server_info(answer->server, answer->version));
    return rc;
}

void answer_result(const struct answer *answer, json_t *result)
{
    json_t *message = NULL;
    if (result != NULL && answer->era == ERA_MODERN && mark_modern(answer, result) != 0)
        json_decref(result);
    else if (result != NULL)
        message = rpc_result(answer->id, result);
    if (message != NULL)
        deliver(answer, message, 200);
    else
        answer_no_memory(answer);
}

void answer_cacheable(const struct answer *answer, json_t *result, json_int_t ttl_ms,
                      bool is_public)
{
    if (answer->era != ERA_MODERN || result == NULL)
        return;
    json_object_set_new(result, "ttlMs", json_integer(ttl_ms));
    json_object_set_new(result, "cacheScope", json_string(is_public ? "public" : "private"));
}

json_t *answer_server_info(const struct server *server, const char *version)
{
    const struct server_options *options = &server->options;
    bool has_title = era_is_since(version, "2025-06-18");
    bool has_website = era_is_since(version, "2025-11-25");
    return json_pack("{s:s, s:s*, s:s, s:s*}", "name", options->name, "title",
                     has_title ? options->title : NULL, "version", options->version, "websiteUrl",
                     has_website ? options->website : NULL);
}

json_t *answer_versions(void)
{
    json_t *versions = json_array();
    int rc = 0;
    for (const char *const *v = era_modern_versions; *v != NULL; v++)
        rc |= json_array_append_new(versions, json_string(*v));
    if (rc == 0)
        return versions;
    json_decref(versions);
    return NULL;
}

/* Content types that came after the first revision. */
static const struct {
    const char *type, *since, *instead;
} later_content[] = {
    {"audio", "2025-03-26", "(audio, which this client cannot receive)"},
    {"resource_link", "2025-06-18", NULL}, /* its name and address */
};

static json_t *replacement(const json_t *block, const char *version)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    for (size_t i = 0; type != NULL && i < sizeof later_content / sizeof later_content[0]; i++) {
        if (strcmp(type, later_content[i].type) != 0 ||
            era_is_since(version, later_content[i].since))
            continue;
        if (later_content[i].instead != NULL)
            return json_pack("{s:s, s:s}", "type", "text", "text", later_content[i].instead);
        const char *name = json_string_value(json_object_get(block, "name"));
        const char *uri = json_string_value(json_object_get(block, "uri"));
        return json_pack(
            "{s:s, s:o}", "type", "text", "text",
            json_sprintf("%s: %s", name != NULL ? name : "resource", uri != NULL ? uri : ""));
    }
    return NULL;
}

json_t *answer_block(json_t *block, const char *version)
{
    json_t *text = replacement(block, version);
    if (text == NULL)
        return block;
    json_decref(block);
    return text;
}

void answer_content(json_t *content, const char *version)
{
    size_t i;
    json_t *block;
    json_array_foreach (content, i, block) {
        json_t *text = replacement(block, version);
        if (text != NULL)
            json_array_set_new(content, i, text);
    }
}

/* Members of definitions that came after the first revision. */
static const struct {
    const char *member, *since;
    const char *beside; /* only where this one is too: tools; NULL = everywhere */
} later_members[] = {
    {"annotations", "2025-03-26", "inputSchema"},
    {"title", "2025-06-18", NULL},
    {"outputSchema", "2025-06-18", NULL},
    {"_meta", "2025-06-18", NULL},
    {"icons", "2025-11-25", NULL},
};

json_t *answer_known(json_t *object, const char *version)
{
    json_t *known = json_incref(object);
    for (size_t i = 0; i < sizeof later_members / sizeof later_members[0]; i++) {
        const char *member = later_members[i].member, *beside = later_members[i].beside;
        if (era_is_since(version, later_members[i].since) ||
            json_object_get(known, member) == NULL ||
            (beside != NULL && json_object_get(known, beside) == NULL))
            continue;
        if (known == object) { /* it belongs to others too */
            json_decref(known);
            known = json_copy(object);
        }
        json_object_del(known, member);
    }
    return known;
}

json_t *answer_all_known(const json_t *objects, const char *version)
{
    json_t *known = json_array();
    size_t i;
    json_t *object;
    json_array_foreach (objects, i, object) {
        if (json_array_append_new(known, answer_known(object, version)) != 0) {
            json_decref(known);
            return NULL;
        }
    }
    return known;
}
