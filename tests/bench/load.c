/* A load generator small enough not to be what is measured: keep-alive connections, each with one
 * request under way at a time.
 *   load PORT CONNECTIONS SECONDS < request
 * The request is sent as it is; an answer is read by its Content-Length and must be a 200. Prints
 * {"requests", "seconds"}. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

enum { CONNECTIONS_MAX = 256, ANSWER_MAX = 64 << 10, REQUEST_MAX = 64 << 10 };

struct connection {
    size_t len;
    char answer[ANSWER_MAX];
};

static struct connection connections[CONNECTIONS_MAX];
static struct pollfd sockets[CONNECTIONS_MAX];
static char request[REQUEST_MAX];
static size_t request_len;

static int fail(const char *what)
{
    perror(what);
    return -1;
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static int send_request(int fd)
{
    if (send(fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
        return fail("send");
    return 0;
}

/* 1 when the answer is whole, 0 when more must come, negative when it is not a good one. */
static int is_whole(const struct connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    if (end == NULL)
        return 0;
    if (strncmp(c->answer, "HTTP/1.1 200 ", 13) != 0)
        return -1;
    const char *header = strcasestr(c->answer, "\r\nContent-Length:");
    if (header == NULL || header > end)
        return -1;
    size_t head = (size_t)(end - c->answer) + 4;
    size_t body = strtoul(header + strlen("\r\nContent-Length:"), NULL, 10);
    return c->len == head + body ? 1 : c->len > head + body ? -1 : 0;
}

/* Reads what came; sends the next request after a whole answer. Returns how many were whole. */
static int advance(int fd, struct connection *c)
{
    ssize_t n = recv(fd, c->answer + c->len, sizeof c->answer - 1 - c->len, 0);
    if (n <= 0)
        return fail("recv");
    c->len += (size_t)n;
    c->answer[c->len] = '\0';
    int whole = is_whole(c);
    if (whole < 0)
        fprintf(stderr, "unexpected answer: %s\n", c->answer);
    if (whole <= 0)
        return whole;
    c->len = 0;
    return send_request(fd) < 0 ? -1 : 1;
}

static long run(nfds_t count, double seconds)
{
    long requests = 0;
    uint64_t until = uv_hrtime() + (uint64_t)(seconds * 1e9);
    while (uv_hrtime() < until) {
        if (poll(sockets, count, 1000) < 0)
            return fail("poll");
        for (nfds_t i = 0; i < count; i++) {
            int whole = sockets[i].revents != 0 ? advance(sockets[i].fd, &connections[i]) : 0;
            if (whole < 0)
                return -1;
            requests += whole;
        }
    }
    return requests;
}

int main(int argc, char **argv)
{
    if (argc != 4 || (request_len = fread(request, 1, sizeof request, stdin)) == 0) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS < request\n");
        return 2;
    }
    long count = strtol(argv[2], NULL, 10);
    if (count < 1 || count > CONNECTIONS_MAX) {
        fprintf(stderr, "from 1 to %d connections\n", CONNECTIONS_MAX);
        return 2;
    }
    for (long i = 0; i < count; i++) {
        int fd = connect_to((int)strtol(argv[1], NULL, 10));
        if (fd < 0 || send_request(fd) < 0)
            return EXIT_FAILURE;
        sockets[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    uint64_t started = uv_hrtime();
    long requests = run((nfds_t)count, strtod(argv[3], NULL));
    if (requests < 0)
        return EXIT_FAILURE;
    printf("{\"requests\":%ld,\"seconds\":%.3f}\n", requests,
           (double)(uv_hrtime() - started) / 1e9);
    return EXIT_SUCCESS;
}
