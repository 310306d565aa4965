#include "server_harness.h"

/* ---- a clock that only moves when told ---- */

time_t clock_ms = 1000000;

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    ret_now->tv_sec = clock_ms / 1000;
    ret_now->tv_nsec = clock_ms % 1000 * 1000000;
    return 0;
}

/* ---- a tool that does what its arguments say ---- */

struct call *held; /* the last call that is still running */
int held_count, cancel_count;
bool ends_on_cancel; /* the tool ends its call inside the cancel function */

void end_cancelled(struct call *call)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, NULL, "the call was cancelled");
    call_fail(call, &err);
}

void on_cancel(void *user)
{
    cancel_count++;
    if (ends_on_cancel)
        end_cancelled(user);
}

void hold(struct call *call)
{
    held = call;
    held_count++;
    call_on_cancel(call, on_cancel, call);
}

void start_fake(struct call *call, const json_t *arguments, void *user)
{
    const char *what = json_get_string(arguments, "do", "echo");
    struct err err;
    if (strcmp(what, "echo") == 0) {
        call_finish(call, NULL, json_incref((json_t *)arguments));
    } else if (strcmp(what, "content") == 0) {
        call_finish(call,
                    parse("[{'type':'text','text':'a'},"
                          "{'type':'resource_link','name':'n','uri':'x://y'},"
                          "{'type':'audio','data':'AA==','mimeType':'audio/wav'}]"),
                    parse("{'a':1}"));
    } else if (strcmp(what, "list") == 0) {
        call_finish(call, json_array(), parse("[1,2]"));
    } else if (strcmp(what, "nothing") == 0) {
        call_finish(call, NULL, NULL);
    } else if (strcmp(what, "fail") == 0) {
        err_set(&err, ERR_ARGUMENT, "steps[2].event", "no event is named \"caf\xc3");
        call_fail(call, &err);
    } else if (strcmp(what, "busy") == 0) {
        err_set(&err, ERR_BUSY, NULL, "too many queries are running");
        call_fail(call, &err);
    } else if (strcmp(what, "deaf") == 0) {
        held = call;
        held_count++;
    } else {
        hold(call);
    }
}

/* ---- what resources and prompts do ---- */

void read_text(struct call *call, const char *uri, const json_t *variables, void *user)
{
    char *text = json_text(variables);
    call_answer(call, json_pack("{s:[{s:s, s:s, s:s, s:{s:s*}}]}", "contents", "uri", uri,
                                "mimeType", "text/plain", "text", text, "_meta", "by", user));
    free(text);
}

const char *take_name(struct call *call)
{
    const json_t *answer = call_response(call, "who");
    if (answer != NULL)
        return json_get_string(json_object_get(answer, "content"), "name", "nobody");
    call_ask(
        call,
        parse("{'who':{'method':'elicitation/create','params':{'message':'Who?',"
              "'requestedSchema':{'type':'object','properties':{'name':{'type':'string'}}}}}}"),
        NULL);
    return NULL;
}

static void read_missing(struct call *call, const char *uri, const json_t *variables, void *user)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, NULL, "no session is named %s",
            json_get_string(variables, "id", ""));
    call_fail(call, &err);
}

static void read_failing(struct call *call, const char *uri, const json_t *variables, void *user)
{
    struct err err;
    err_set(&err, ERR_BUSY, NULL, "too many queries are running");
    call_fail(call, &err);
}

static void read_held(struct call *call, const char *uri, const json_t *variables, void *user)
{
    hold(call);
}

static void read_asking(struct call *call, const char *uri, const json_t *variables, void *user)
{
    const char *name = take_name(call);
    if (name != NULL)
        call_answer(call, json_pack("{s:[{s:s, s:s}]}", "contents", "uri", uri, "text", name));
}

static const struct server_resource sample_resources[] = {
    {.uri = "x://fixed",
     .name = "fixed",
     .title = "Fixed",
     .description = "Always the same.",
     .mime_type = "text/plain",
     .priority = 0.5,
     .read = read_text,
     .ttl_ms = 60000,
     .is_public = true,
     .user = "fixed"},
    {.uri = "x://t/{id}/data", .name = "data", .title = "Data", .read = read_text, .user = "one"},
    {.uri = "x://t/{id}/{part}", .name = "part", .read = read_text, .user = "two"},
    {.uri = "x://t/7/data", .name = "seven", .read = read_text, .user = "seven"},
    {.uri = "x://s/{id}", .name = "session", .read = read_missing},
    {.uri = "x://busy", .name = "busy", .read = read_failing},
    {.uri = "x://slow", .name = "slow", .read = read_held},
    {.uri = "x://asks", .name = "asks", .read = read_asking, .ttl_ms = 5000, .is_public = true},
};

const struct server_prompt_argument drop_arguments[] = {
    {"source", "Source", "Which data.", true},
    {"event", NULL, "Which event.", false},
    {0},
};

/* ---- a client ---- */

bool is_recording = true;

static void record(struct wire *wire, const json_t *message)
{
    const char *path = getenv("SEXTANT_EMITTED");
    if (path == NULL || !is_recording)
        return;
    const char *kind = "error";
    char *id = json_text(json_object_get(message, "id"));
    if (json_is_array(message))
        kind = "batch";
    else if (json_object_get(message, "method") != NULL)
        kind = json_get_string(message, "method", "");
    else if (json_object_get(message, "result") != NULL)
        kind = json_get_string(wire->methods, id, "unknown");
    json_t *line = json_pack("{s:s, s:s, s:s, s:O}", "revision", wire->revision, "direction",
                             "server", "kind", kind, "message", message);
    char *text = json_text(line);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    assert_int_equal(fclose(file), 0);
    free(text);
    free(id);
    json_decref(line);
}

void wire_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct wire *wire = (struct wire *)channel;
    assert_true(wire->count < SENT_MAX);
    if (message != NULL)
        record(wire, message);
    wire->sent[wire->count] = message;
    wire->status[wire->count] = status;
    wire->is_last[wire->count++] = is_last;
}

static const struct channel_ops wire_ops = {.send = wire_send};

void wire_open(struct wire *wire, struct server *server)
{
    *wire = (struct wire){
        .channel.ops = &wire_ops,
        .server = server,
        .peer = peer_new(server, NULL),
        .revision = "2025-11-25",
        .methods = json_object(),
    };
}

void wire_open_modern(struct wire *wire, struct server *server)
{
    wire_open(wire, server);
    wire->revision = V;
}

void wire_close(struct wire *wire)
{
    assert_int_equal(wire->seen, wire->count); /* nothing that no test looked at */
    for (size_t i = 0; i < wire->count; i++)
        json_decref(wire->sent[i]);
    json_decref(wire->methods);
    peer_free(wire->peer);
}

enum receive_result say(struct wire *wire, const char *text)
{
    json_t *message = parse(text);
    char *id = json_text(json_object_get(message, "id"));
    if (id != NULL)
        json_object_set(wire->methods, id, json_object_get(message, "method"));
    enum receive_result result =
        server_receive(wire->server, wire->peer, &wire->channel, message, wire->headers);
    free(id);
    json_decref(message);
    return result;
}

void wire_ask(struct wire *wire, const char *method, const char *params)
{
    char text[4096];
    int len = snprintf(text, sizeof text, "{'jsonrpc':'2.0','id':1,'method':'%s','params':{%s}}",
                       method, params);
    assert_true(len > 0 && (size_t)len < sizeof text);
    assert_int_equal(say(wire, text), RECEIVE_ANSWERING);
}

void wire_ask_modern(struct wire *wire, const char *method, const char *params)
{
    char with_meta[1024];
    const char *revision = wire->revision;
    assert_in_range(snprintf(with_meta, sizeof with_meta, "%s," META, params), 0,
                    sizeof with_meta - 1);
    wire->revision = V;
    wire_ask(wire, method, with_meta);
    wire->revision = revision;
}

void wire_greet(struct wire *wire, const char *version, const char *capabilities)
{
    char params[512];
    wire->revision = version;
    snprintf(params, sizeof params,
             "'protocolVersion':'%s','capabilities':%s,'clientInfo':{'name':'c','version':'1'}",
             version, capabilities);
    wire_ask(wire, "initialize", params);
    expect_part(wire, 200, version);
}

/* The next message sent, as text with apostrophes; NULL for the end of a cancelled request. */
char *next(struct wire *wire, int status, bool is_last)
{
    static char text[8192];
    if (wire->seen == wire->count)
        fail_msg("nothing was sent");
    size_t i = wire->seen++;
    assert_int_equal(wire->status[i], status);
    assert_int_equal(wire->is_last[i], is_last);
    char *dump = json_text(wire->sent[i]);
    if (dump == NULL)
        return NULL;
    snprintf(text, sizeof text, "%s", dump);
    free(dump);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            *c = '\'';
    }
    return text;
}

void expect(struct wire *wire, int status, const char *text)
{
    const char *have = next(wire, status, true);
    if (have == NULL || strcmp(have, text) != 0)
        fail_msg("sent %s\nnot  %s", have, text);
}

void expect_part(struct wire *wire, int status, const char *part)
{
    const char *have = next(wire, status, true);
    if (have == NULL || strstr(have, part) == NULL)
        fail_msg("sent %s\nwithout %s", have, part);
}

void expect_silence(struct wire *wire)
{
    assert_int_equal(wire->seen, wire->count);
}

void wire_refused(struct server *server, const char *method, const char *params, const char *part)
{
    struct wire wire;
    char modern[1024];
    wire_open(&wire, server);
    wire_ask(&wire, method, params);
    expect_part(&wire, 200, "'error':{'code':-32602,");
    wire_ask(&wire, method, params);
    expect_part(&wire, 200, part);
    wire.revision = V;
    snprintf(modern, sizeof modern, "%s%s" META, params, params[0] != '\0' ? "," : "");
    wire_ask(&wire, method, modern);
    expect_part(&wire, 200, part);
    wire_close(&wire);
}

void wire_cancelled(struct server *server, const char *method, const char *params)
{
    struct wire wire;
    int before = cancel_count;
    wire_open(&wire, server);
    wire_ask(&wire, method, params);
    expect_silence(&wire);
    say(&wire, CANCEL("1"));
    assert_int_equal(cancel_count, before + 1);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

void wire_asked(struct server *server, const char *method, const char *params, const char *part)
{
    static const char can_ask[] = MODERN_META("{'elicitation':{}}");
    struct wire wire;
    char text[1024];
    wire_open_modern(&wire, server);
    snprintf(text, sizeof text, "%s,%s", params, can_ask);
    wire_ask(&wire, method, text);
    const char *question = next(&wire, 200, true);
    assert_non_null(strstr(question, "'resultType':'input_required'"));
    assert_null(strstr(question, "ttlMs"));
    assert_null(strstr(question, "cacheScope"));
    snprintf(text, sizeof text,
             "%s,'inputResponses':{'who':{'action':'accept','content':{'name':'Ann'}}},%s", params,
             can_ask);
    wire_ask(&wire, method, text);
    expect_part(&wire, 200, part);
    wire_close(&wire);
}

/* ---- memory ---- */

static long allocations_left;

static void *scarce_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

bool receive_scarce(struct wire *wire, const json_t *message, long n)
{
    bool was_recording = is_recording;
    bool is_request = json_is_array(message) || json_object_get(message, "method") != NULL;
    is_recording = false; /* takes memory itself */
    json_set_alloc_funcs(scarce_malloc, free);
    allocations_left = n;
    enum receive_result result =
        server_receive(wire->server, wire->peer, &wire->channel, message, wire->headers);
    bool was_short = allocations_left < 0;
    json_set_alloc_funcs(malloc, free);
    is_recording = was_recording;
    assert_int_equal(result, is_request ? RECEIVE_ANSWERING : RECEIVE_ACCEPTED);
    return was_short;
}

/* ---- fixture ---- */

const struct server_options options = {
    .name = "test",
    .title = "Test",
    .version = "1.2.3",
    .instructions = "Begin with fake.",
    .website = "https://example.com/",
};

struct server *server_with_tools(void)
{
    struct server *server = server_new(&options);
    struct err err;
    struct server_tool fake = {
        .name = "fake",
        .title = "Fake",
        .description = "Does what it is told.",
        .input_schema = parse("{'type':'object','properties':{'do':{'type':'string'}}}"),
        .output_schema = parse("{'type':'object'}"),
        .is_read_only = true,
        .start = start_fake,
    };
    assert_int_equal(server_add_tool(server, &fake, &err), 0);
    struct server_tool sampler = {
        .name = "sampler",
        .description = "Needs sampling with tools.",
        .input_schema = parse("{'type':'object'}"),
        .client_capabilities = parse("{'sampling':{'tools':{}}}"),
        .start = start_fake,
    };
    assert_int_equal(server_add_tool(server, &sampler, &err), 0);
    return server;
}

struct server *server_with(const struct server_options *with,
                           const struct server_resource *resources, size_t resource_count,
                           const struct server_prompt *prompts, size_t prompt_count)
{
    struct server *server = server_new(with);
    struct err err;
    begin_anew();
    for (size_t i = 0; i < resource_count; i++)
        assert_int_equal(server_add_resource(server, &resources[i], &err), 0);
    for (size_t i = 0; i < prompt_count; i++)
        assert_int_equal(server_add_prompt(server, &prompts[i], &err), 0);
    return server;
}

struct server *server_with_resources(const struct server_options *with)
{
    return server_with(with, sample_resources, sizeof sample_resources / sizeof sample_resources[0],
                       NULL, 0);
}

int setup_resources(void **state)
{
    *state = server_with_resources(&options);
    return 0;
}

void begin_anew(void)
{
    held = NULL;
    held_count = cancel_count = 0;
    ends_on_cancel = true;
}

void count_one(void *user)
{
    ++*(int *)user;
}

int setup(void **state)
{
    begin_anew();
    *state = server_with_tools();
    return 0;
}

int teardown(void **state)
{
    assert_int_equal(server_running(*state), 0);
    server_free(*state);
    return 0;
}

void forget_emitted(void)
{
    const char *emitted = getenv("SEXTANT_EMITTED");
    if (emitted != NULL)
        remove(emitted);
}
