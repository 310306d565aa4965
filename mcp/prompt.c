/* Prompts: what is registered, and fetching one. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "server_impl.h"

/* ---- registration ---- */

static json_t *define_arguments(const struct server_prompt_argument *argument)
{
    json_t *list = json_array();
    int rc = list != NULL ? 0 : -1;
    for (; rc == 0 && argument->name != NULL; argument++)
        rc = json_array_append_new(list, json_pack("{s:s, s:s*, s:s*, s:b}", "name", argument->name,
                                                   "title", argument->title, "description",
                                                   argument->description, "required",
                                                   argument->is_required));
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *define(const struct server_prompt *prompt)
{
    json_t *definition = json_pack("{s:s, s:s*, s:s*}", "name", prompt->name, "title",
                                   prompt->title, "description", prompt->description);
    bool has_arguments = prompt->arguments != NULL && prompt->arguments->name != NULL;
    if (!has_arguments ||
        json_object_set_new(definition, "arguments", define_arguments(prompt->arguments)) == 0)
        return definition;
    json_decref(definition);
    return NULL;
}

int server_add_prompt(struct server *server, const struct server_prompt *prompt,
                      struct err *ret_err)
{
    if (prompt->name == NULL || prompt->get == NULL)
        return err_set(ret_err, ERR_INTERNAL, NULL, "a prompt needs a name and a get");
    struct prompt_entry **end = &server->prompts;
    for (; *end != NULL; end = &(*end)->next) {
        if (strcmp((*end)->prompt.name, prompt->name) == 0)
            return err_set(ret_err, ERR_INTERNAL, NULL, "prompt %s is registered twice",
                           prompt->name);
    }
    struct prompt_entry *entry = calloc(1, sizeof *entry);
    json_t *definition = define(prompt);
    if (entry == NULL || definition == NULL) {
        free(entry);
        json_decref(definition);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    entry->prompt = *prompt;
    entry->definition = definition;
    *end = entry;
    return 0;
}

void prompts_free(struct server *server)
{
    while (server->prompts != NULL) {
        struct prompt_entry *entry = server->prompts;
        server->prompts = entry->next;
        json_decref(entry->definition);
        free(entry);
    }
}

bool has_prompts(const struct request *request)
{
    return request->answer.server->prompts != NULL;
}

/* ---- the list ---- */

/* Arguments have members of their own that came later. */
static json_t *known_prompt(const struct prompt_entry *entry, const char *version)
{
    const json_t *arguments = json_object_get(entry->definition, "arguments");
    json_t *known = json_copy(entry->definition);
    if (known != NULL && arguments != NULL &&
        json_object_set_new(known, "arguments", answer_all_known(arguments, version)) != 0) {
        json_decref(known);
        return NULL;
    }
    return known;
}

/* One page, as of the tools: few clients ask for a second one. */
void handle_prompts_list(struct request *request)
{
    const struct answer *answer = &request->answer;
    size_t from;
    if (!page_take_cursor(request, "prompts", &from))
        return;
    json_t *list = json_array();
    for (const struct prompt_entry *e = answer->server->prompts; e != NULL; e = e->next) {
        if (json_array_append_new(list, known_prompt(e, answer->version)) != 0) {
            json_decref(list);
            list = NULL;
            break;
        }
    }
    page_answer(request, "prompts", list, from, SIZE_MAX);
}

/* ---- fetching ---- */

const struct prompt_entry *find_prompt(const struct request *request, const json_t *value)
{
    const char *name = json_plain_string(value);
    const char *names[NAMES_MAX];
    size_t count = 0;
    if (name == NULL) {
        answer_invalid(&request->answer, "name must be the name of a prompt");
        return NULL;
    }
    for (const struct prompt_entry *e = request->answer.server->prompts; e != NULL; e = e->next) {
        if (strcmp(e->prompt.name, name) == 0)
            return e;
        if (count < NAMES_MAX)
            names[count++] = e->prompt.name;
    }
    answer_unknown(&request->answer, "Unknown prompt", name, names, count);
    return NULL;
}

size_t prompt_arguments(const struct server_prompt *prompt, const char *ret_names[], size_t max)
{
    size_t count = 0;
    for (const struct server_prompt_argument *a = prompt->arguments;
         a != NULL && a->name != NULL && count < max; a++)
        ret_names[count++] = a->name;
    return count;
}

bool check_argument_name(const struct request *request, const char *name, const char *const *names,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    answer_unknown(&request->answer, "Invalid params: unknown argument", name, names, count);
    return false;
}

/* Whether the arguments are those of the prompt: all that it needs, none that it does not know, and
 * texts. False when the request was answered with what is wrong. */
static bool check_arguments(const struct request *request, const struct server_prompt *prompt,
                            const json_t *arguments)
{
    const struct answer *answer = &request->answer;
    const char *names[NAMES_MAX];
    size_t count = prompt_arguments(prompt, names, NAMES_MAX);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)arguments, key, value) {
        if (!check_argument_name(request, key, names, count))
            return false;
        if (json_plain_string(value) == NULL) {
            answer_invalid(answer, "arguments.%.100s must be a string", key);
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct server_prompt_argument *argument = &prompt->arguments[i];
        if (!argument->is_required || json_object_get(arguments, argument->name) != NULL)
            continue;
        answer_invalid(answer, "arguments.%s is missing: %.200s", argument->name,
                       argument->description != NULL ? argument->description : prompt->name);
        return false;
    }
    return true;
}

static void begin_get(struct call *call)
{
    const struct prompt_entry *entry = call_target(call);
    entry->prompt.get(call, json_object_get(call_arguments(call), "arguments"), entry->prompt.user);
}

/* Content that the client's revision does not know becomes text. */
static json_t *shape_get(struct call *call, json_t *result)
{
    const char *version = call_answer_of(call)->version;
    size_t i;
    json_t *message;
    json_array_foreach (json_object_get(result, "messages"), i, message) {
        json_t *block = answer_block(json_incref(json_object_get(message, "content")), version);
        json_object_set_new(message, "content", block);
    }
    return result;
}

void handle_prompts_get(struct request *request)
{
    static const struct call_kind kind = {
        .may_ask = true,
        .begin = begin_get,
        .shape = shape_get,
    };
    const json_t *name = json_object_get(request->message->params, "name");
    const struct prompt_entry *entry = find_prompt(request, name);
    if (entry == NULL)
        return;
    json_t *arguments = json_object_get(request->message->params, "arguments");
    bool is_none = arguments == NULL || json_is_null(arguments);
    if (!is_none && !json_is_object(arguments)) {
        answer_invalid(&request->answer, "arguments must be an object of strings");
        return;
    }
    if (!check_arguments(request, &entry->prompt, is_none ? NULL : arguments))
        return;
    /* With its name, so that what is asked in between is bound to it. */
    call_begin(request, &kind, entry,
               json_pack("{s:O, s:o}", "name", name, "arguments",
                         is_none ? json_object() : json_incref(arguments)));
}
