#include "http_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* ---- media types ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The length of the text at `text` up to one of `ends`, less the white space before it. */
static size_t measure(const char *text, size_t max, const char *ends)
{
    size_t len = 0;
    while (len < max && strchr(ends, text[len]) == NULL)
        len++;
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return len;
}

static bool equals(const char *text, size_t len, const char *wanted)
{
    return strlen(wanted) == len && strncasecmp(text, wanted, len) == 0;
}

bool http_is_type(const char *value, const char *type)
{
    return value != NULL && equals(value, measure(value, strlen(value), ";,"), type);
}

/* How well a range such as "text/" followed by a star matches: 3 exactly, 2 by its type, 1 because
 * it matches all, 0 not. */
static int specificity(const char *range, size_t len, const char *type)
{
    if (equals(range, len, type))
        return 3;
    if (equals(range, len, "*/*"))
        return 1;
    size_t slash = (size_t)(strchr(type, '/') - type);
    return len == slash + 2 && range[slash + 1] == '*' && strncasecmp(range, type, slash + 1) == 0
               ? 2
               : 0;
}

/* Whether the parameters behind a range hold q=0, q=0.0, … */
static bool has_zero_weight(const char *params, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (params[i] != ';')
            continue;
        do
            i++;
        while (i < len && is_space(params[i]));
        if (i + 2 < len && (params[i] == 'q' || params[i] == 'Q') && params[i + 1] == '=') {
            size_t digits = measure(params + i + 2, len - i - 2, ";");
            return strspn(params + i + 2, "0.") >= digits;
        }
        i--;
    }
    return false;
}

bool http_accepts(const struct http1 *request, const char *type)
{
    int best = 0;
    bool is_accepted = true, is_given = false;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, "accept") != 0)
            continue;
        for (const char *c = request->headers[i].value; *c != '\0';) {
            size_t len = strcspn(c, ","), skip = strspn(c, " \t,");
            if (skip > 0) {
                c += skip;
                continue;
            }
            is_given = true;
            int rank = specificity(c, measure(c, len, ";"), type);
            if (rank > best) {
                best = rank;
                is_accepted = !has_zero_weight(c, len);
            }
            c += len;
        }
    }
    return !is_given || (best > 0 && is_accepted);
}

/* ---- hosts and origins ---- */

/* The length of the name in "name", "name:port", "[v6]" or "[v6]:port"; 0 when malformed. */
static size_t measure_name(const char *host)
{
    size_t len = strcspn(host, host[0] == '[' ? "]" : ":");
    if (host[0] == '[' && host[len] == ']')
        len++;
    else if (host[0] == '[')
        return 0;
    if (host[len] == '\0')
        return len;
    size_t digits = strspn(host + len + 1, "0123456789");
    return host[len] == ':' && digits <= 5 && host[len + 1 + digits] == '\0' ? len : 0;
}

static bool is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    size_t len = measure_name(host);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (equals(host, len, names[i]))
            return true;
    return false;
}

bool http_is_host_allowed(const char *host, const char *const *allowed)
{
    if (host == NULL)
        return false;
    if (is_loopback(host))
        return true;
    size_t len = measure_name(host);
    for (; len > 0 && allowed != NULL && *allowed != NULL; allowed++)
        if (strcasecmp(host, *allowed) == 0 || equals(host, len, *allowed))
            return true;
    return false;
}

bool http_is_host_address(const char *host, const struct sockaddr *bound)
{
    const struct sockaddr_in *bound4 = (const struct sockaddr_in *)bound;
    const struct sockaddr_in6 *bound6 = (const struct sockaddr_in6 *)bound;
    bool is_v4 = bound->sa_family == AF_INET;
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    size_t len = host != NULL ? measure_name(host) : 0;
    bool is_bracketed = len > 2 && host[0] == '[';
    len -= is_bracketed ? 2 : 0;
    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, host + is_bracketed, len);
    text[len] = '\0';
    if (inet_pton(is_bracketed ? AF_INET6 : AF_INET, text, is_bracketed ? (void *)&v6 : &v4) != 1)
        return false;
    if (is_v4 ? bound4->sin_addr.s_addr == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&bound6->sin6_addr))
        return true;
    if (is_v4)
        return !is_bracketed && v4.s_addr == bound4->sin_addr.s_addr;
    return is_bracketed && IN6_ARE_ADDR_EQUAL(&v6, &bound6->sin6_addr);
}

bool http_is_origin_allowed(const char *origin, const char *const *allowed)
{
    if (strcasecmp(origin, "null") == 0)
        return false;
    if (strncasecmp(origin, "http://", 7) == 0 && is_loopback(origin + 7))
        return true;
    if (strncasecmp(origin, "https://", 8) == 0 && is_loopback(origin + 8))
        return true;
    for (; allowed != NULL && *allowed != NULL; allowed++)
        if (strcasecmp(origin, *allowed) == 0)
            return true;
    return false;
}
