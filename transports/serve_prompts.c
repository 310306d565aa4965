/* Prompts: the texts of the tools floor, with what the data says just now. */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "json.h"
#include "prompt.h"
#include "serve_impl.h"

/* Facts are a courtesy: a database that is slow or away does not hold the prompt back. */
enum { FACTS_LIMIT_MS = 4000 };

/* A prompt as the server knows it. */
struct served_prompt {
    struct serve_tools *serving;
    const struct prompt *prompt;
    struct server_prompt_argument *arguments;
};

/* One prompt being made. */
struct making {
    struct served_prompt *item;
    struct call *call;
    json_t *arguments, *sources; /* the result of list_sources, or NULL */
    uint64_t started_ms;
};

static void making_free(struct making *m)
{
    json_decref(m->arguments);
    json_decref(m->sources);
    free(m);
}

static void answer(struct making *m, const json_t *events)
{
    struct call *call = m->call;
    const struct prompt *prompt = m->item->prompt;
    const char *source = json_get_string(m->arguments, "source", "");
    struct buf facts = {0}, text = {0};
    struct err err = {0};
    prompt_facts(m->sources, events, source, &facts);
    int rc = prompt_render(prompt, m->arguments, prompt_case_fields(m->sources, source),
                           buf_text(&facts), &text, &err);
    making_free(m);
    json_t *result = NULL;
    if (rc == 0)
        result = json_pack("{s:s, s:[{s:s, s:{s:s, s:s}}]}", "description",
                           prompt_page(prompt)->summary, "messages", "role", "user", "content",
                           "type", "text", "text", buf_text(&text));
    buf_done(&facts);
    buf_done(&text);
    if (rc < 0)
        call_fail(call, &err);
    else if (result == NULL)
        serve_fail_memory(call);
    else
        call_answer(call, result);
}

/* A source that does not exist is told now, with the names of those that do. */
static bool is_fatal(const struct err *err)
{
    return err->code == ERR_CANCELLED ||
           (err->code == ERR_NOT_FOUND && strcmp(err->field, "source") == 0);
}

static void on_events(void *user, const struct run_result *result)
{
    struct making *m = user;
    if (!is_fatal(&result->err)) {
        answer(m, result->structured);
        return;
    }
    struct call *call = m->call;
    making_free(m);
    call_fail(call, &result->err);
}

/* The one source that the prompt is about, or NULL. */
static const char *only_source(const struct making *m)
{
    const json_t *list = json_object_get(m->sources, "sources");
    const char *chosen = json_get_string(m->arguments, "source", "");
    if (chosen[0] != '\0')
        return chosen;
    return json_array_size(list) == 1 ? json_get_string(json_array_get(list, 0), "name", NULL)
                                      : NULL;
}

static void on_sources(void *user, const struct run_result *result)
{
    struct making *m = user;
    struct serve_tools *serving = m->item->serving;
    if (result->err.code == ERR_CANCELLED) {
        on_events(m, result);
        return;
    }
    m->sources = json_incref(result->structured);
    uint64_t spent_ms = uv_now(serving->app->loop) - m->started_ms;
    const char *source = only_source(m);
    if (source == NULL || spent_ms >= FACTS_LIMIT_MS)
        answer(m, NULL);
    else
        serve_run(serving, m->call, catalog_find("list_events"),
                  json_pack("{s:s, s:i}", "source", source, "limit", 15), FACTS_LIMIT_MS - spent_ms,
                  on_events, m);
}

static void get(struct call *call, const json_t *arguments, void *user)
{
    struct served_prompt *item = user;
    struct making *m = calloc(1, sizeof *m);
    if (m == NULL) {
        serve_fail_memory(call);
        return;
    }
    *m = (struct making){.item = item,
                         .call = call,
                         .arguments = json_incref((json_t *)arguments),
                         .started_ms = uv_now(item->serving->app->loop)};
    serve_run(item->serving, call, catalog_find("list_sources"), json_object(), FACTS_LIMIT_MS,
              on_sources, m);
}

static void complete(struct call *call, const char *argument, const char *value,
                     const json_t *chosen, void *user)
{
    struct served_prompt *item = user;
    struct completion completion = {
        .value = value,
        .source = json_get_string(chosen, "source", NULL),
        .field = json_get_string(chosen, "field", NULL),
    };
    for (const struct prompt_argument *a = item->prompt->arguments; a->name != NULL; a++)
        if (strcmp(a->name, argument) == 0)
            completion.role = a->role;
    serve_complete(item->serving, call, &completion);
}

/* ---- registration ---- */

static struct server_prompt_argument *arguments_of(const struct prompt *prompt)
{
    size_t count = 0;
    while (prompt->arguments[count].name != NULL)
        count++;
    struct server_prompt_argument *arguments = calloc(count + 1, sizeof *arguments);
    for (size_t i = 0; arguments != NULL && i < count; i++)
        arguments[i] = (struct server_prompt_argument){
            .name = prompt->arguments[i].name,
            .title = prompt->arguments[i].title,
            .description = prompt->arguments[i].description,
        };
    return arguments;
}

int serve_add_prompts(struct serve_tools *serving, struct err *ret_err)
{
    size_t count = 0;
    while (prompt_list[count].name != NULL)
        count++;
    serving->prompts = calloc(count + 1, sizeof *serving->prompts);
    if (serving->prompts == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct served_prompt *item = &serving->prompts[i];
        *item = (struct served_prompt){serving, &prompt_list[i], arguments_of(&prompt_list[i])};
        if (item->arguments == NULL)
            return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        const struct page *page = prompt_page(item->prompt);
        struct server_prompt prompt = {
            .name = item->prompt->name,
            .title = page->title,
            .description = page->summary,
            .arguments = item->arguments,
            .get = get,
            .complete = complete,
            .user = item,
        };
        int rc = server_add_prompt(serving->server, &prompt, ret_err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void serve_free_prompts(struct serve_tools *serving)
{
    for (size_t i = 0; serving->prompts != NULL && serving->prompts[i].prompt != NULL; i++)
        free(serving->prompts[i].arguments);
    free(serving->prompts);
}

/* ---- the reference page ---- */

void serve_reference_prompts(struct buf *out)
{
    buf_puts(out,
             "## Prompts\n\nNo argument is required: what is left out is chosen from the data, "
             "or by whoever follows the prompt. Arguments that name something in the data are "
             "completed.\n");
    for (const struct prompt *p = prompt_list; p->name != NULL; p++) {
        const struct page *page = prompt_page(p);
        buf_printf(out, "\n### %s\n\n%s: %s\n\n| argument | meaning |\n|---|---|\n", p->name,
                   page->title, page->summary);
        for (const struct prompt_argument *a = p->arguments; a->name != NULL; a++)
            buf_printf(out, "| `%s` | %s |\n", a->name, a->description);
    }
}
