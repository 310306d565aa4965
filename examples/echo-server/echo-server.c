/* A whole MCP server on libmcp: a tool, a resource and a prompt, over standard input and output. */
#include <libmcp/bind.h>
#include <libmcp/json.h>
#include <libmcp/schema.h>
#include <libmcp/stdio_conn.h>

static const struct param echo_params[] = {
    {"text", "What to say again.", VALUE_STRING, .is_required = true},
    {"times", "How often to say it.", VALUE_INTEGER, .fallback = "1", .min = 1, .max = 5},
    {0},
};
static const struct field echo_fields[] = {{"lines", "", VALUE_STRING, .is_list = true}, {0}};

static void echo(struct call *call, const json_t *arguments, void *user)
{
    struct err err;
    json_t *values;
    if (bind_arguments(echo_params, arguments, &values, &err) < 0) {
        call_fail(call, &err); /* tells the agent which argument, and what is allowed */
        return;
    }
    json_t *lines = json_array();
    for (json_int_t i = json_get_integer(values, "times", 1); i > 0; i--)
        json_array_append(lines, json_object_get(values, "text"));
    json_decref(values);
    call_finish(call, NULL, json_pack("{s:o}", "lines", lines));
}

static void read_greeting(struct call *call, const char *uri, const json_t *variables, void *user)
{
    const char *name = json_get_string(variables, "name", "");
    call_answer(call, json_pack("{s:[{s:s, s:s, s:s+}]}", "contents", "uri", uri, "mimeType",
                                "text/plain", "text", "Hello, ", name));
}

static void get_parrot(struct call *call, const json_t *arguments, void *user)
{
    const char *phrase = json_get_string(arguments, "phrase", "");
    call_answer(call, json_pack("{s:[{s:s, s:{s:s, s:s+}}]}", "messages", "role", "user", "content",
                                "type", "text", "text", "Use echo to say thrice: ", phrase));
}

static struct server *server;
static struct stdio *client;

static void stopped(void *user)
{
    stdio_close(client);
}

static void ended(void *user, const char *why)
{
    server_shutdown(server, stopped, NULL);
}

int main(void)
{
    int output = stdio_guard_stdout();
    server = server_new(&(struct server_options){.name = "echo", .version = "1.0.0"});
    json_t *takes = schema_input(echo_params), *gives = schema_output(echo_fields);
    struct server_tool tool = {"echo", "Echo", "Says it again.", takes, gives, .start = echo};
    struct server_resource greeting = {"greeting://{name}", "greeting",   "Greeting",
                                       "A welcome.",        "text/plain", .read = read_greeting};
    struct server_prompt_argument phrase[] = {{"phrase", "Phrase", "What to say.", true}, {0}};
    struct server_prompt parrot = {"parrot", "Parrot", "Says it thrice.", phrase,
                                   .get = get_parrot};
    struct stdio_options options = {uv_default_loop(), server, .ended = ended};
    if (output < 0 || server == NULL || server_add_tool(server, &tool, NULL) < 0 ||
        server_add_resource(server, &greeting, NULL) < 0 ||
        server_add_prompt(server, &parrot, NULL) < 0 ||
        (client = stdio_start(&options, output, NULL)) == NULL)
        return 1;
    uv_run(options.loop, UV_RUN_DEFAULT);
    server_free(server);
    return 0;
}
