/* Any bytes as the Mcp-Name header of a call, against a decoder of base64 that is not ours: the
 * server must take the header for the name in the body exactly when it says that name, plainly or
 * as =?base64?…?=. The first line of the input is the header, the rest the name. */
#include <string.h>

#include "era.h"
#include "fuzz.h"
#include "json.h"
#include "server.h"

/* RFC 4648 §4 with its strictest reading: whole groups, padding where it belongs, unused bits 0.
 * Returns the length, or -1. */
static long decode(const char *text, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    long n = 0;
    if (len % 4 != 0)
        return -1;
    for (size_t i = 0; i < len; i += 4) {
        unsigned long bits = 0;
        int pads = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *digit = text[i + j] != '\0' ? strchr(digits, text[i + j]) : NULL;
            if (text[i + j] == '=' && i + 4 == len && j >= 2)
                pads++;
            else if (digit == NULL || pads > 0)
                return -1;
            bits = bits << 6 | (digit != NULL ? (unsigned long)(digit - digits) : 0);
        }
        if ((pads == 1 && (bits & 0xff) != 0) || (pads == 2 && (bits & 0xffff) != 0))
            return -1;
        for (int j = 0; j < 3 - pads; j++)
            out[n++] = (char)(bits >> (16 - 8 * j) & 0xff);
    }
    return n;
}

static int says(const char *header, const char *name)
{
    size_t len = strlen(header);
    if (len < 11 || strncmp(header, "=?base64?", 9) != 0 || strcmp(header + len - 2, "?=") != 0)
        return strcmp(header, name) == 0;
    char *out = malloc(len);
    check(out != NULL, "memory");
    long n = decode(header + 9, len - 11, out);
    int is_same = n >= 0 && (size_t)n == strlen(name) && memcmp(out, name, (size_t)n) == 0;
    free(out);
    return is_same;
}

/* What the era says to a call of `name` under this header. */
static int is_accepted(const char *header, const char *name)
{
    json_t *body = json_pack("{s:s, s:i, s:s, s:{s:s, s:{s:s, s:{}}}}", "jsonrpc", "2.0", "id", 1,
                             "method", "tools/call", "params", "name", name, "_meta",
                             ERA_META_VERSION, era_modern_versions[0], ERA_META_CAPABILITIES);
    check(body != NULL, "memory");
    const struct message_headers headers = {
        .protocol_version = era_modern_versions[0], .method = "tools/call", .name = header};
    struct rpc_message message;
    struct era_verdict verdict;
    check(rpc_classify(body, &message) == RPC_REQUEST, "the message");
    era_decide(&message, &headers, NULL, &verdict);
    check(verdict.code == 0 || verdict.code == RPC_HEADER_MISMATCH, "another verdict");
    json_decref(body);
    return verdict.code == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = calloc(1, size + 2);
    check(copy != NULL, "memory");
    memcpy(copy, data, size);
    char *end = strchr(copy, '\n');
    const char *name = end != NULL ? end + 1 : "";
    if (end != NULL)
        *end = '\0';
    json_t *string = json_string(name); /* a name is UTF-8 */
    if (string != NULL)
        check(is_accepted(copy, name) == says(copy, name), "another name than the header says");
    json_decref(string);
    free(copy);
    return 0;
}
