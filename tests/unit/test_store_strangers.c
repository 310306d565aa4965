/* A shared store (sql/store*.c) whose socket is in the hands of somebody who does not keep to the
 * rules, as the owner or as one of the others. argv[1] is the fake library. */
#include "store_sides.h"

/* --- owners that are no help --------------------------------------------------------------- */

static void take_lock(struct store_lock *lock, bool is_sharing)
{
    struct store_owner owner;
    struct err err;
    lock->fd = -1;
    assert_int_equal(store_lock_try(lock, dir, STORE_LOCK, "an owner", is_sharing, &owner, &err),
                     0);
}

static void assert_refused(const char *why)
{
    struct outcome o;
    char who[64];
    start(0, &o, "SELECT 1");
    await(&o);
    snprintf(who, sizeof(who), "in use by an owner (pid %d)", (int)getpid());
    if (strstr(o.err.text, who) == NULL || strstr(o.err.text, why) == NULL)
        fail_msg("%s", o.err.text);
    finish(&o, ERR_UNAVAILABLE);
}

static void test_an_owner_that_does_not_share_is_named(void **state)
{
    struct store_lock lock;
    take_lock(&lock, false);
    assert_refused("stop it");
    store_lock_release(&lock);
    ask(0);
}

static void test_an_owner_that_is_starting_is_waited_for(void **state)
{
    struct store_lock lock;
    struct outcome o, cancelled;
    take_lock(&lock, true);
    start(0, &o, "SELECT 1");
    start(0, &cancelled, "SELECT 1");
    turn(100);
    assert_int_equal(o.done_count, 0);
    db_cancel(side(0), cancelled.query);
    finish(&cancelled, ERR_CANCELLED);
    store_lock_release(&lock);
    finish(&o, ERR_OK);
}

/* Who waited for the store and gave up does not take it: it would open nothing for the others. */
static void test_nobody_owns_what_it_does_not_want(void **state)
{
    struct store_lock lock;
    struct outcome o;
    take_lock(&lock, true);
    start(0, &o, "SELECT 1");
    db_cancel(side(0), o.query);
    finish(&o, ERR_CANCELLED);
    store_lock_release(&lock);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    take_lock(&lock, true);
    store_lock_release(&lock);
    ask(1);
    ask(0);
}

/* An owner in our hands: its lock is held, its socket listens, and nobody accepts yet. */
struct stranger {
    struct store_lock lock;
    struct store_socket_file file;
    int listener;
};

static void stranger_open(struct stranger *stranger)
{
    struct err err;
    take_lock(&stranger->lock, true);
    assert_int_equal(store_socket_listen(dir, &stranger->listener, &stranger->file, &err), 0);
}

static void stranger_leave(struct stranger *stranger)
{
    close(stranger->listener);
    store_lock_release(&stranger->lock);
}

static void test_an_owner_that_hangs_is_named(void **state)
{
    struct stranger stranger;
    stranger_open(&stranger);
    assert_refused("does not answer");
    stranger_leave(&stranger);
    ask(0);
}

static int accept_one(int listener)
{
    int fd = -1;
    while (fd < 0) {
        uv_run(&loop, UV_RUN_NOWAIT);
        fd = accept(listener, NULL, NULL);
        if (fd < 0)
            uv_sleep(1);
    }
    return fd;
}

static void send_frame(int fd, enum wire_kind kind, uint32_t id, const struct buf *payload)
{
    char header[WIRE_HEADER];
    wire_put_header(header, kind, id, payload != NULL ? payload->len : 0);
    assert_int_equal(send(fd, header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
    if (payload != NULL)
        assert_int_equal(send(fd, payload->data, payload->len, MSG_NOSIGNAL), payload->len);
}

static void send_hello(int fd, uint32_t protocol)
{
    struct wire_hello hello = {.protocol = protocol, .pid = getpid(), .holder = "an owner"};
    struct buf payload = {0};
    wire_put_hello(&payload, &hello);
    send_frame(fd, WIRE_HELLO, 0, &payload);
    buf_done(&payload);
}

static void test_an_owner_of_another_version_is_named(void **state)
{
    struct stranger stranger;
    struct outcome o;
    stranger_open(&stranger);
    start(0, &o, "SELECT 1");
    int fd = accept_one(stranger.listener);
    send_hello(fd, WIRE_PROTOCOL + 1);
    await(&o);
    assert_non_null(strstr(o.err.text, "an owner"));
    assert_non_null(strstr(o.err.text, "a version of Sextant"));
    finish(&o, ERR_UNAVAILABLE);
    close(fd);
    stranger_leave(&stranger);
    ask(0);
}

/* What an owner says that is no answer ends the connection, and nothing else. */
static void test_an_owner_that_talks_nonsense(void **state)
{
    static const enum wire_kind kinds[] = {WIRE_START, WIRE_HELLO, WIRE_END, WIRE_PROGRESS};
    struct stranger stranger;
    struct outcome o;
    stranger_open(&stranger);
    start(0, &o, "SELECT 1");
    for (int count = 0; count < 4; count++) { /* the first, and three more of the same statement */
        assert_int_equal(o.done_count, 0);
        int fd = accept_one(stranger.listener);
        send_hello(fd, WIRE_PROTOCOL);
        turn(20);
        send_frame(fd, kinds[count], kinds[count] >= WIRE_ROWS ? 1 : 0, NULL);
        turn(20);
        close(fd);
    }
    await(&o);
    assert_non_null(strstr(o.err.text, "while it answered"));
    finish(&o, ERR_UNAVAILABLE);
    stranger_leave(&stranger);
}

/* --- others that keep to no rules ---------------------------------------------------------- */

static int connect_to_owner(void)
{
    int fd = -1;
    assert_int_equal(store_socket_connect(dir, &fd), 0);
    return fd;
}

/* Reads what there is; returns how many bytes, -1 at the end of the connection. */
static ssize_t read_some(int fd, char *bytes, size_t size)
{
    ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);
    if (n > 0)
        return n;
    return n < 0 && errno == EAGAIN ? 0 : -1;
}

static bool is_closed_by_owner(int fd)
{
    static char bytes[65536];
    for (int i = 0; i < 5000; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        if (read_some(fd, bytes, sizeof(bytes)) < 0)
            return true;
        uv_sleep(1);
    }
    return false;
}

static void send_start(int fd, uint32_t id, const char *sql, size_t body_len)
{
    struct outcome unused;
    struct db_request request = outcome_request(&unused, sql);
    struct buf payload = {0};
    request.limits = db_limits_default;
    request.body = body_len > 0 ? "" : NULL;
    request.body_len = body_len;
    wire_put_start(&payload, &request);
    send_frame(fd, WIRE_START, id, &payload);
    buf_done(&payload);
}

static void test_nonsense_closes_its_connection_only(void **state)
{
    static const enum wire_kind wrong[] = {WIRE_ROWS, WIRE_PROGRESS, WIRE_END, WIRE_PONG,
                                           WIRE_START};
    struct outcome o;
    open_both();
    start(1, &o, "SELECT BLOCK");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int fd = connect_to_owner();
        send_hello(fd, WIRE_PROTOCOL);
        send_frame(fd, wrong[i], 1, NULL);
        assert_true(is_closed_by_owner(fd));
        close(fd);
    }
    int fd = connect_to_owner();
    send_start(fd, 1, "SELECT 1", 0); /* before hello */
    assert_true(is_closed_by_owner(fd));
    close(fd);
    fd = connect_to_owner();
    send_hello(fd, WIRE_PROTOCOL);
    send_start(fd, 1, "SELECT BLOCK", 0);
    send_start(fd, 1, "SELECT BLOCK", 0); /* the same number */
    assert_true(is_closed_by_owner(fd));
    close(fd);
    fd = connect_to_owner();
    struct buf body = {0};
    buf_puts(&body, "too much");
    send_hello(fd, WIRE_PROTOCOL);
    send_start(fd, 1, "INSERT INTO t FORMAT CSV", 4);
    send_frame(fd, WIRE_BODY, 1, &body);
    assert_true(is_closed_by_owner(fd));
    close(fd);
    buf_done(&body);
    assert_int_equal(o.done_count, 0);
    ask(1);
    ask(0);
    db_cancel(side(1), o.query);
    finish(&o, ERR_CANCELLED);
}

static uint32_t random_state = 4711;

static uint32_t pick(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)random_state * n) >> 32);
}

/* Frames of every kind with some bytes changed, from many connections; each may end in the middle.
 * The owner stays, and what it runs of them ends. */
static void test_random_frames(void **state)
{
    open_both();
    keep_alive();
    for (int round = 0; round < 150; round++) {
        int fd = connect_to_owner();
        send_hello(fd, WIRE_PROTOCOL);
        for (uint32_t n = pick(12); n > 0; n--) {
            static const char *const statements[] = {"SELECT 1", "SELECT ROWS", "SELECT FAIL",
                                                     "SELECT BLOCK"};
            struct outcome unused;
            struct db_request request = outcome_request(&unused, statements[pick(4)]);
            struct buf payload = {0};
            char header[WIRE_HEADER];
            if (pick(3) > 0)
                wire_put_start(&payload, &request);
            wire_put_header(header, (enum wire_kind)(1 + pick(WIRE_KINDS - 1)), pick(5),
                            payload.len);
            if (pick(3) == 0 && payload.len > 0)
                payload.data[pick((uint32_t)payload.len)] ^= (char)(1 << pick(8));
            if (pick(6) == 0)
                header[pick(WIRE_HEADER)] ^= (char)(1 << pick(8));
            bool is_sent = send(fd, header, sizeof(header), MSG_NOSIGNAL) > 0 &&
                           send(fd, payload.data, payload.len, MSG_NOSIGNAL) >= 0;
            buf_done(&payload);
            uv_run(&loop, UV_RUN_NOWAIT);
            if (!is_sent)
                break;
        }
        if (pick(2) == 0)
            turn((int)pick(3));
        close(fd);
    }
    stop_alive();
    ask(1);
    ask(0);
}

/* One that reads nothing: its statements wait in the engine, all of whose workers they hold,
 * instead of filling the owner's memory. */
static void test_a_slow_reader_is_waited_for(void **state)
{
    enum { COUNT = DB_MAX_RUNNING };
    static char bytes[1 << 20];
    struct outcome o;
    size_t total = 0;
    keep_alive();
    open_both();
    int fd = connect_to_owner();
    send_hello(fd, WIRE_PROTOCOL);
    turn(50);
    for (uint32_t i = 1; i <= COUNT; i++)
        send_start(fd, i, "SELECT ROWS", 0);
    turn(300);
    start(1, &o, "SELECT 1");
    turn(300);
    assert_int_equal(o.done_count, 0);
    struct buf in = {.max = 256 << 20};
    int ends = 0;
    while (ends < COUNT) {
        struct wire_frame frame;
        size_t used;
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t n = read_some(fd, bytes, sizeof(bytes));
        assert_true(n >= 0);
        buf_add(&in, bytes, (size_t)n);
        while (wire_take(buf_text(&in), in.len, &frame, &used) == 1) {
            total += frame.kind == WIRE_ROWS ? frame.len : 0;
            ends += frame.kind == WIRE_END;
            buf_drop(&in, used);
        }
    }
    buf_done(&in);
    finish(&o, ERR_OK);
    stop_alive();
    assert_int_equal(total, (size_t)COUNT * ROWS_BYTES);
    close(fd);
}

/* One that says nothing, or that stopped for good, is let go of. */
static void test_the_silent_are_let_go(void **state)
{
    open_both();
    int fd = connect_to_owner();
    assert_false(fd < 0);
    bool is_gone = false;
    char byte;
    keep_alive();
    for (int i = 0; i < 2000 && !is_gone; i++) {
        turn(10);
        is_gone = read_some(fd, &byte, 1) < 0;
    }
    stop_alive();
    assert_true(is_gone);
    close(fd);
    ask(1);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    fake_library = argv[1];
    signal(SIGPIPE, SIG_IGN); /* as the program does */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_owner_that_does_not_share_is_named),
        TEST(test_an_owner_that_is_starting_is_waited_for),
        TEST(test_nobody_owns_what_it_does_not_want),
        TEST(test_an_owner_that_hangs_is_named),
        TEST(test_an_owner_of_another_version_is_named),
        TEST(test_an_owner_that_talks_nonsense),
        TEST(test_nonsense_closes_its_connection_only),
        TEST(test_random_frames),
        TEST(test_a_slow_reader_is_waited_for),
        TEST(test_the_silent_are_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
