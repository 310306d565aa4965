/* What a server lets a client keep for it: signed, so that it comes back as it went, from the same
 * caller, with the same request, and in time. The text is not encrypted: a client that decodes it
 * can read it. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "call_impl.h"
#include "json.h"

enum {
    STATE_LIFE_S = 3600,
    STATE_KEY_MIN = 32,
    MAC_TEXT_LEN = BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE),
};

bool random_bytes(void *ret_bytes, size_t size)
{
    unsigned char *bytes = ret_bytes;
    while (size > 0) {
        ssize_t n = getrandom(bytes, size, 0);
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

int state_init(struct server *server)
{
    const struct server_options *options = &server->options;
    if (options->state_key == NULL)
        return random_bytes(server->state_key, sizeof server->state_key) ? 0 : -1;
    if (options->state_key_len < STATE_KEY_MIN)
        return -1;
    /* One length for every key, and a purpose: what else the owner signs with it stays apart. */
    static const char purpose[] = "libmcp requestState";
    struct hmac_sha256_ctx hmac;
    hmac_sha256_set_key(&hmac, options->state_key_len, options->state_key);
    hmac_sha256_update(&hmac, sizeof purpose, (const uint8_t *)purpose);
    hmac_sha256_digest(&hmac, sizeof server->state_key, server->state_key);
    return 0;
}

static json_int_t now_s(void)
{
    return (json_int_t)(call_wall_ms() / 1000);
}

/* base64 in the alphabet of URLs; NULL when out of memory. */
static char *encode(const char *text, size_t len)
{
    char *encoded = malloc(BASE64_ENCODE_RAW_LENGTH(len) + BASE64_ENCODE_FINAL_LENGTH + 1);
    if (encoded == NULL)
        return NULL;
    struct base64_encode_ctx base64;
    base64url_encode_init(&base64);
    size_t n = base64_encode_update(&base64, encoded, len, (const uint8_t *)text);
    n += base64_encode_final(&base64, encoded + n);
    encoded[n] = '\0';
    return encoded;
}

static json_t *decode(const char *encoded, size_t len)
{
    uint8_t *text = malloc(BASE64_DECODE_LENGTH(len) + 1);
    if (text == NULL)
        return NULL;
    struct base64_decode_ctx base64;
    base64url_decode_init(&base64);
    size_t n = 0;
    json_t *value = NULL;
    if (base64_decode_update(&base64, &n, text, len, encoded) && base64_decode_final(&base64))
        value = json_parse((const char *)text, n, NULL);
    free(text);
    return value;
}

/* The request as far as a retry must repeat it: its parameters without what the protocol adds. NULL
 * when out of memory. */
static char *repeated_part(const json_t *params)
{
    static const char *const added[] = {"_meta", "inputResponses", "requestState"};
    json_t *rest = params != NULL ? json_copy((json_t *)params) : json_object();
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++)
        json_object_del(rest, added[i]);
    char *text = rest != NULL ? json_text_as(rest, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(rest);
    return text;
}

/* Over everything that must be the same when the state comes back. The parts end with a NUL, which
 * none of them holds. */
static bool sign(const struct call *call, const char *encoded, size_t len,
                 char ret_mac[MAC_TEXT_LEN])
{
    char *request = repeated_part(call->params);
    if (request == NULL)
        return false;
    struct hmac_sha256_ctx hmac;
    const struct server *server = call->answer.server;
    hmac_sha256_set_key(&hmac, sizeof server->state_key, server->state_key);
    hmac_sha256_update(&hmac, len, (const uint8_t *)encoded);
    const char *const parts[] = {"", call->method, call->principal, request};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hmac_sha256_update(&hmac, strlen(parts[i]) + 1, (const uint8_t *)parts[i]);
    free(request);

    uint8_t mac[SHA256_DIGEST_SIZE];
    hmac_sha256_digest(&hmac, sizeof mac, mac);
    struct base64_encode_ctx base64;
    base64url_encode_init(&base64);
    size_t n = base64_encode_update(&base64, ret_mac, sizeof mac, mac);
    base64_encode_final(&base64, ret_mac + n);
    return true;
}

json_t *state_seal(const struct call *call, json_t *state)
{
    json_t *payload = json_pack("{s:I, s:o}", "until", now_s() + STATE_LIFE_S, "state", state);
    char *text = payload != NULL ? json_text(payload) : NULL;
    char *encoded = text != NULL ? encode(text, strlen(text)) : NULL;
    char mac[MAC_TEXT_LEN];
    json_t *token = NULL;
    if (encoded != NULL && sign(call, encoded, strlen(encoded), mac))
        token = json_sprintf("%s.%.*s", encoded, (int)sizeof mac, mac);
    free(encoded);
    free(text);
    json_decref(payload);
    return token;
}

json_t *state_open(const struct call *call, const char *token)
{
    const char *dot = strchr(token, '.');
    char mac[MAC_TEXT_LEN];
    if (dot == NULL || strlen(dot + 1) != sizeof mac ||
        !sign(call, token, (size_t)(dot - token), mac) || !memeql_sec(dot + 1, mac, sizeof mac))
        return NULL;
    json_t *payload = decode(token, (size_t)(dot - token));
    json_t *state = NULL;
    if (json_get_integer(payload, "until", 0) > now_s())
        state = json_incref(json_object_get(payload, "state"));
    json_decref(payload);
    return state;
}
