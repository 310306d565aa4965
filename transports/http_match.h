#pragma once
/* Header values against what is allowed; no state. */
#include <stdbool.h>

#include <sys/socket.h>

#include "http1.h"

/* Whether the Accept headers of a request let a media type through. The most specific range
 * decides; no header = everything. */
bool http_accepts(const struct http1 *request, const char *type);

/* Whether a Content-Type names `type`, parameters aside. */
bool http_is_type(const char *value, const char *type);

/* Whether a Host value names the loopback with any port, or is listed: an entry without a port
 * stands for every port. `allowed` is NULL-terminated, or NULL. */
bool http_is_host_allowed(const char *host, const char *const *allowed);

/* Whether a Host value is the IP address `bound` with any port, or any address when that is the
 * wildcard. A page that lured its victim's browser to us by a name it controls sends the name. */
bool http_is_host_address(const char *host, const struct sockaddr *bound);

/* Whether an Origin is a page served from the loopback with any port, or is listed. "null" never
 * is. */
bool http_is_origin_allowed(const char *origin, const char *const *allowed);
