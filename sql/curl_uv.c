#include "curl_uv.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct curl_uv {
    const struct curl_library *lib;
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    size_t open_handles; /* the timer and every socket watch that is not closed yet */
    size_t transfers;
    bool is_inside; /* curl runs: its callbacks may be on the stack */
    void (*closed)(void *user);
    void *closed_user;
};

struct socket_watch {
    uv_poll_t poll;
    struct curl_uv *c;
    curl_socket_t fd;
};

struct curl_uv_transfer {
    struct curl_uv *c;
    CURL *easy;
    void (*done)(void *user, CURL *easy, CURLcode code);
    void *user;
};

static void handle_gone(struct curl_uv *c)
{
    if (--c->open_handles > 0 || c->closed == NULL)
        return;
    void (*closed)(void *) = c->closed;
    void *user = c->closed_user;
    free(c);
    closed(user);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *watch = handle->data;
    struct curl_uv *c = watch->c;
    free(watch);
    handle_gone(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void transfer_end(struct curl_uv_transfer *t)
{
    t->c->lib->multi_remove_handle(t->c->multi, t->easy);
    t->c->lib->easy_cleanup(t->easy);
    t->c->transfers--;
    free(t);
}

/* Tells the owners of finished transfers. An owner may start and drop others meanwhile. */
static void reap(struct curl_uv *c)
{
    int left;
    CURLMsg *message;
    while ((message = c->lib->multi_info_read(c->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct curl_uv_transfer *t = NULL;
        CURLcode code = message->data.result;
        c->lib->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        t->done(t->user, t->easy, code);
        transfer_end(t);
    }
}

static void act(struct curl_uv *c, curl_socket_t fd, int flags)
{
    int running;
    c->is_inside = true;
    c->lib->multi_socket_action(c->multi, fd, flags, &running);
    c->is_inside = false;
    reap(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    /* The watch may be gone when act() returns. */
    struct socket_watch *watch = poll->data;
    int flags = 0;
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(watch->c, watch->fd, flags);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* curl tells how long to wait. It may be in the middle of its work here, so that even "now" goes
 * through the loop. */
static int on_timeout_change(CURLM *multi, long timeout_ms, void *user)
{
    struct curl_uv *c = user;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, timeout_ms == 0 ? 1 : (uint64_t)timeout_ms, 0);
    return 0;
}

static struct socket_watch *watch_new(struct curl_uv *c, curl_socket_t fd)
{
    struct socket_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->c = c;
    watch->fd = fd;
    if (uv_poll_init_socket(c->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    c->open_handles++;
    c->lib->multi_assign(c->multi, fd, watch);
    return watch;
}

static int on_socket_change(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct curl_uv *c = user;
    struct socket_watch *watch = socket_user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            /* curl closes the descriptor next: stop looking at it now, free the memory later. */
            uv_poll_stop(&watch->poll);
            c->lib->multi_assign(c->multi, fd, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (watch == NULL && (watch = watch_new(c, fd)) == NULL)
        return -1;
    int events = 0;
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&watch->poll, events, on_poll) == 0 ? 0 : -1;
}

struct curl_uv *curl_uv_new(uv_loop_t *loop, struct err *ret_err)
{
    const struct curl_library *lib = curl_library_load(ret_err);
    if (lib == NULL)
        return NULL;
    struct curl_uv *c = calloc(1, sizeof *c);
    CURLM *multi = lib->multi_init();
    if (c == NULL || multi == NULL || uv_timer_init(loop, &c->timer) != 0) {
        if (multi != NULL)
            lib->multi_cleanup(multi);
        free(c);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    c->lib = lib;
    c->loop = loop;
    c->multi = multi;
    c->timer.data = c;
    c->open_handles = 1;
    lib->multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_change);
    lib->multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
    lib->multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout_change);
    lib->multi_setopt(multi, CURLMOPT_TIMERDATA, c);
    lib->multi_setopt(multi, CURLMOPT_MAXCONNECTS, 8L);
    return c;
}

void curl_uv_close(struct curl_uv *c, void (*closed)(void *user), void *user)
{
    assert(c->transfers == 0 && !c->is_inside);
    c->closed = closed;
    c->closed_user = user;
    /* Closes the kept connections, which ends their watches through on_socket_change(). */
    c->lib->multi_cleanup(c->multi);
    c->multi = NULL;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

const struct curl_library *curl_uv_library(const struct curl_uv *c)
{
    return c->lib;
}

int curl_uv_start(struct curl_uv *c, CURL *easy,
                  void (*done)(void *user, CURL *easy, CURLcode code), void *user,
                  struct curl_uv_transfer **ret_transfer, struct err *ret_err)
{
    assert(!c->is_inside);
    struct curl_uv_transfer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    *t = (struct curl_uv_transfer){.c = c, .easy = easy, .done = done, .user = user};
    c->lib->easy_setopt(easy, CURLOPT_PRIVATE, t);
    CURLMcode code = c->lib->multi_add_handle(c->multi, easy);
    if (code != CURLM_OK) {
        free(t);
        return err_set(ret_err, ERR_INTERNAL, NULL, "libcurl refused a transfer: %s",
                       c->lib->multi_strerror(code));
    }
    c->transfers++;
    *ret_transfer = t;
    return 0;
}

void curl_uv_drop(struct curl_uv_transfer *transfer)
{
    assert(!transfer->c->is_inside);
    transfer_end(transfer);
}
