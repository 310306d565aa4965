/* sextant token: makes, lists and revokes the tokens that clients of `sextant serve` need. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <nettle/base64.h>
#include <uv.h>

#include "auth.h"
#include "auth_file.h"
#include "buf.h"
#include "commands.h"

static const char prefix[] = "sxt_";

enum {
    RANDOM_BYTES = 32,
    TOKEN_SIZE = sizeof prefix + BASE64_ENCODE_RAW_LENGTH(RANDOM_BYTES),
};

struct change {
    const char *name;
    char token[TOKEN_SIZE]; /* of a new one */
};

/* The index of a token, or how many there are. */
static size_t find(const json_t *tokens, const char *name)
{
    size_t i;
    const json_t *token;
    json_array_foreach (tokens, i, token) {
        if (strcmp(json_string_value(json_object_get(token, "name")), name) == 0)
            return i;
    }
    return json_array_size(tokens);
}

static int make_token(char *token, struct err *ret_err)
{
    uint8_t bytes[RANDOM_BYTES];
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL) < 0)
        return err_set(ret_err, ERR_INTERNAL, NULL, "the system has no random numbers");
    memset(token, 0, TOKEN_SIZE);
    memcpy(token, prefix, sizeof prefix - 1);
    struct base64_encode_ctx context;
    char *text = token + sizeof prefix - 1;
    base64url_encode_init(&context);
    size_t len = base64_encode_update(&context, text, sizeof bytes, bytes);
    base64_encode_final(&context, text + len);
    token[strcspn(token, "=")] = '\0';
    return 0;
}

static int add(json_t *tokens, void *user, struct err *ret_err)
{
    struct change *change = user;
    char created[32], hash[AUTH_HASH_SIZE];
    if (find(tokens, change->name) < json_array_size(tokens))
        return err_set(ret_err, ERR_ARGUMENT, "name", "there is a token named \"%s\" already",
                       change->name);
    if (json_array_size(tokens) >= AUTH_TOKENS_MAX)
        return err_set(ret_err, ERR_LIMIT, "name", "there are %d tokens, which is the most allowed",
                       AUTH_TOKENS_MAX);
    if (make_token(change->token, ret_err) < 0)
        return -1;
    time_t now = time(NULL);
    struct tm parts;
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    auth_hash_text(change->token, hash);
    json_t *token =
        json_pack("{s:s, s:s, s:s}", "name", change->name, "sha256", hash, "created", created);
    if (token == NULL || json_array_append_new(tokens, token) < 0)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return 0;
}

static int drop(json_t *tokens, void *user, struct err *ret_err)
{
    const struct change *change = user;
    size_t index = find(tokens, change->name);
    if (index == json_array_size(tokens))
        return err_set(ret_err, ERR_NOT_FOUND, "name", "there is no token named \"%s\"",
                       change->name);
    json_array_remove(tokens, index);
    return 0;
}

static int run_create(struct app *app, const char *name)
{
    struct change change = {.name = name};
    struct err err = {0};
    struct buf out = {0};
    if (auth_file_change(app->config.tokens, add, &change, &err) < 0)
        return command_fail(&err);
    buf_printf(&out, "%s\n", change.token);
    fprintf(stderr, "This is the only time it is shown. Clients send it as a header:\n"
                    "Authorization: Bearer TOKEN\n");
    return command_print(app, &out);
}

static int run_revoke(struct app *app, const char *name)
{
    struct change change = {.name = name};
    struct err err = {0};
    if (auth_file_change(app->config.tokens, drop, &change, &err) < 0)
        return command_fail(&err);
    fprintf(stderr, "The token \"%s\" is revoked.\n", name);
    return EXIT_OK;
}

static int run_list(struct app *app)
{
    struct auth_stamp stamp;
    struct err err = {0};
    struct buf out = {0};
    size_t i;
    const json_t *token;
    json_t *tokens = auth_file_read(app->config.tokens, &stamp, &err);
    if (tokens == NULL && err.code != ERR_NOT_FOUND)
        return command_fail(&err);
    json_array_foreach (tokens, i, token) {
        buf_printf(&out, "%s  %s\n", json_string_value(json_object_get(token, "created")),
                   json_string_value(json_object_get(token, "name")));
    }
    if (json_array_size(tokens) == 0)
        fprintf(stderr, "There are no tokens in %s; make one with: sextant token create NAME\n",
                app->config.tokens);
    json_decref(tokens);
    return command_print(app, &out);
}

int token_command(struct app *app, int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "";
    const char *name = argc == 2 ? argv[1] : NULL;
    if (app->config.tokens == NULL)
        return command_usage_error(app, "no home directory is known: say --tokens FILE");
    if (strcmp(verb, "list") == 0 && argc == 1)
        return run_list(app);
    bool is_create = strcmp(verb, "create") == 0;
    if ((!is_create && strcmp(verb, "revoke") != 0) || name == NULL)
        return command_usage_error(app, "expected create NAME, list, or revoke NAME");
    if (!auth_is_name(name))
        return command_usage_error(
            app, "a name has 1 to %d letters, digits, dots, dashes, underscores or @",
            AUTH_NAME_MAX);
    return is_create ? run_create(app, name) : run_revoke(app, name);
}
