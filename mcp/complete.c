/* completion/complete: values for an argument of a prompt or a variable of a template. */
#include <string.h>

#include "json.h"
#include "server_impl.h"
#include "uri_template.h"

/* What is completed: exactly one of them. */
struct subject {
    const struct prompt_entry *prompt;
    const struct resource_entry *resource;
};

bool has_completions(const struct request *request)
{
    const struct server *server = request->answer.server;
    for (const struct resource_entry *e = server->resources; e != NULL; e = e->next) {
        if (e->resource.complete != NULL)
            return true;
    }
    for (const struct prompt_entry *e = server->prompts; e != NULL; e = e->next) {
        if (e->prompt.complete != NULL)
            return true;
    }
    return false;
}

/* ---- what is completed ---- */

static const struct resource_entry *find_template(const struct request *request, const char *uri)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (const struct resource_entry *e = request->answer.server->resources; e != NULL;
         e = e->next) {
        if (strcmp(e->resource.uri, uri) == 0)
            return e;
        if (e->is_template && count < NAMES_MAX)
            names[count++] = e->resource.uri;
    }
    answer_unknown(&request->answer, "Unknown resource template", uri, names, count);
    return NULL;
}

/* False when the request was answered with what is wrong. */
static bool find_subject(const struct request *request, struct subject *ret_subject)
{
    const json_t *ref = json_object_get(request->message->params, "ref");
    const char *type = json_string_value(json_object_get(ref, "type"));
    *ret_subject = (struct subject){0};
    if (type != NULL && strcmp(type, "ref/prompt") == 0) {
        ret_subject->prompt = find_prompt(request, json_object_get(ref, "name"));
        return ret_subject->prompt != NULL;
    }
    if (type == NULL || strcmp(type, "ref/resource") != 0) {
        answer_invalid(&request->answer,
                       "ref must be an object with the type ref/prompt or ref/resource");
        return false;
    }
    const char *uri = json_plain_string(json_object_get(ref, "uri"));
    if (uri == NULL)
        answer_invalid(&request->answer, "ref.uri must be the URI of a resource template");
    else
        ret_subject->resource = find_template(request, uri);
    return ret_subject->resource != NULL;
}

/* Whether the subject has an argument of this name; false when it was answered that it has not. */
static bool check_name(const struct request *request, const struct subject *subject,
                       const char *name)
{
    const char *names[NAMES_MAX];
    char variables[NAMES_MAX][URI_VARIABLE_SIZE];
    size_t count;
    if (subject->prompt != NULL) {
        count = prompt_arguments(&subject->prompt->prompt, names, NAMES_MAX);
    } else {
        count = uri_template_variables(subject->resource->resource.uri, variables, NAMES_MAX);
        for (size_t i = 0; i < count; i++)
            names[i] = variables[i];
    }
    return check_argument_name(request, name, names, count);
}

/* What was chosen before, as an object of texts: a new reference, NULL when out of memory. False
 * when it was answered that it is none. Revisions before 2025-06-18 have no such thing. */
static bool take_chosen(const struct request *request, json_t **ret_chosen)
{
    const json_t *context = json_object_get(request->message->params, "context");
    const json_t *arguments = json_object_get(context, "arguments");
    bool is_good = (context == NULL || json_is_object(context)) &&
                   (arguments == NULL || json_is_object(arguments));
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)arguments, key, value)
        is_good = is_good && json_plain_string(value) != NULL;
    if (!is_good) {
        answer_invalid(&request->answer, "context.arguments must be an object of strings");
        return false;
    }
    bool is_known = era_is_since(request->answer.version, "2025-06-18") && arguments != NULL;
    *ret_chosen = is_known ? json_incref((json_t *)arguments) : json_object();
    return true;
}

/* ---- completing ---- */

static void begin(struct call *call,
                  void (*complete)(struct call *call, const char *name, const char *value,
                                   const json_t *chosen, void *user),
                  void *user)
{
    const json_t *arguments = call_arguments(call);
    const char *name = json_string_value(json_object_get(arguments, "name"));
    const char *value = json_string_value(json_object_get(arguments, "value"));
    if (complete != NULL)
        complete(call, name, value, json_object_get(arguments, "chosen"), user);
    else
        call_complete(call, json_array(), 0);
}

static void begin_prompt(struct call *call)
{
    const struct prompt_entry *entry = call_target(call);
    begin(call, entry->prompt.complete, entry->prompt.user);
}

static void begin_resource(struct call *call)
{
    const struct resource_entry *entry = call_target(call);
    begin(call, entry->resource.complete, entry->resource.user);
}

void handle_complete(struct request *request)
{
    static const struct call_kind of_prompt = {.begin = begin_prompt};
    static const struct call_kind of_resource = {.begin = begin_resource};
    struct subject subject;
    if (!find_subject(request, &subject))
        return;
    const json_t *argument = json_object_get(request->message->params, "argument");
    const char *name = json_plain_string(json_object_get(argument, "name"));
    const char *value = json_plain_string(json_object_get(argument, "value"));
    if (name == NULL || value == NULL) {
        answer_invalid(&request->answer,
                       "argument must be an object with the strings name and value");
        return;
    }
    if (!check_name(request, &subject, name))
        return;
    json_t *chosen;
    if (!take_chosen(request, &chosen))
        return;
    const void *target = subject.prompt;
    if (subject.resource != NULL)
        target = subject.resource;
    call_begin(request, subject.prompt != NULL ? &of_prompt : &of_resource, target,
               json_pack("{s:s, s:s, s:o}", "name", name, "value", value, "chosen", chosen));
}
