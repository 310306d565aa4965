/* sql/store_lock.c: one owner per store, named to the others, gone with its process. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_lock.h"

struct place {
    char root[64], dir[128], lock[160];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    snprintf(p->root, sizeof(p->root), "/tmp/sextant-lock-XXXXXX");
    if (mkdtemp(p->root) == NULL)
        return -1;
    snprintf(p->dir, sizeof(p->dir), "%s/a/store", p->root);
    snprintf(p->lock, sizeof(p->lock), "%s/lock", p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char parent[128];
    snprintf(parent, sizeof(parent), "%s/a", p->root);
    unlink(p->lock);
    rmdir(p->dir);
    rmdir(parent);
    rmdir(p->root);
    free(p);
    return 0;
}

static void test_directory_is_made_and_private(void **state)
{
    const struct place *p = *state;
    struct store_lock lock = {-1};
    struct err err = {0};
    assert_int_equal(store_lock_take(&lock, p->dir, "sextant test", &err), 0);
    struct stat st;
    assert_int_equal(stat(p->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(p->lock, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_lock_release(&lock);
    assert_int_equal(lock.fd, -1);
    store_lock_release(&lock);
}

static void make_store(const struct place *p, mode_t mode)
{
    char parent[128];
    snprintf(parent, sizeof(parent), "%s/a", p->root);
    assert_true(mkdir(parent, 0700) == 0 || access(parent, F_OK) == 0);
    assert_true(mkdir(p->dir, 0700) == 0 || access(p->dir, F_OK) == 0);
    assert_int_equal(chmod(p->dir, mode), 0);
}

/* Something that is not ours: then the directory is no new store. */
static void put_file(const struct place *p, bool is_there)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/note", p->dir);
    FILE *file = is_there ? fopen(path, "w") : NULL;
    assert_true(!is_there || file != NULL);
    if (is_there)
        assert_int_equal(fclose(file), 0);
    else
        assert_int_equal(remove(path), 0);
}

static int mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void test_place_that_others_can_change_is_refused(void **state)
{
    const struct place *p = *state;
    static const mode_t modes[] = {0720, 0702, 0777, 01777, 02770};
    struct store_lock lock = {-1};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct err err = {0};
        make_store(p, modes[i]);
        put_file(p, true);
        int mode = mode_of(p->dir);
        assert_int_equal(store_lock_take(&lock, p->dir, NULL, &err), -ERR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "other users can change the store"));
        assert_non_null(strstr(err.text, "run: chmod 700 "));
        assert_non_null(strstr(err.text, "--data"));
        assert_int_equal(mode_of(p->dir), mode);
        assert_int_equal(access(p->lock, F_OK), -1); /* nothing was made */
    }
    put_file(p, false);
    assert_int_equal(chmod(p->dir, 0700), 0);
    assert_int_equal(store_lock_take(&lock, p->dir, NULL, NULL), 0);
    store_lock_release(&lock);
}

static void test_empty_place_is_made_private(void **state)
{
    const struct place *p = *state;
    struct store_lock lock = {-1};
    make_store(p, 0775);
    assert_int_equal(store_lock_take(&lock, p->dir, NULL, NULL), 0);
    store_lock_release(&lock);
    assert_int_equal(mode_of(p->dir), 0700);
    make_store(p, 0750); /* its lock lies in it now: perhaps somebody meant that */
    assert_int_equal(store_lock_take(&lock, p->dir, NULL, NULL), 0);
    store_lock_release(&lock);
    assert_int_equal(mode_of(p->dir), 0750);
}

static void test_second_taker_learns_the_owner(void **state)
{
    const struct place *p = *state;
    struct store_lock lock = {-1}, other = {-1};
    struct err err = {0};
    assert_int_equal(store_lock_take(&lock, p->dir, "sextant serve", &err), 0);
    assert_int_equal(store_lock_take(&other, p->dir, "sextant call", &err), -ERR_UNAVAILABLE);
    char expected[64];
    snprintf(expected, sizeof(expected), "in use by sextant serve (pid %d)", (int)getpid());
    assert_non_null(strstr(err.text, expected));
    assert_non_null(strstr(err.text, p->dir));
    assert_int_equal(other.fd, -1);
    store_lock_release(&lock);
    assert_int_equal(store_lock_take(&other, p->dir, "sextant call", &err), 0);
    store_lock_release(&other);
}

static void test_death_releases(void **state)
{
    const struct place *p = *state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store_lock lock = {-1};
        char byte = store_lock_take(&lock, p->dir, "sextant import", NULL) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    char byte = 0;
    ssize_t n = read(ready[0], &byte, 1);
    struct store_lock lock = {-1};
    struct err err = {0};
    int rc = store_lock_take(&lock, p->dir, "sextant call", &err);
    kill(child, SIGKILL); /* before anything is asserted: else it would outlive the test */
    waitpid(child, NULL, 0);
    close(ready[0]);
    assert_int_equal(n, 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(rc, -ERR_UNAVAILABLE);
    char expected[64];
    snprintf(expected, sizeof(expected), "sextant import (pid %d)", (int)child);
    assert_non_null(strstr(err.text, expected));
    assert_int_equal(store_lock_take(&lock, p->dir, "sextant call", &err), 0);
    store_lock_release(&lock);
}

static void test_unreadable_owner_is_still_an_owner(void **state)
{
    const struct place *p = *state;
    struct store_lock lock = {-1}, other = {-1};
    struct err err = {0};
    assert_int_equal(store_lock_take(&lock, p->dir, NULL, &err), 0);
    assert_int_equal(truncate(p->lock, 0), 0);
    assert_int_equal(store_lock_take(&other, p->dir, NULL, &err), -ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "in use by another process"));
    store_lock_release(&lock);
}

static void test_impossible_places(void **state)
{
    const struct place *p = *state;
    struct store_lock lock = {-1};
    struct err err = {0};
    assert_int_equal(store_lock_take(&lock, "/dev/null/store", NULL, &err), -ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/dev/null"));
    assert_int_equal(store_lock_take(&lock, "", NULL, &err), -ERR_UNAVAILABLE);
    char *deep = calloc(1, 9000);
    assert_non_null(deep);
    memset(deep, 'a', 8999);
    assert_int_equal(store_lock_take(&lock, deep, NULL, &err), -ERR_UNAVAILABLE);
    free(deep);
    /* A symbolic link in place of the lock file could make us write somewhere else. */
    assert_int_equal(store_lock_take(&lock, p->dir, NULL, &err), 0);
    store_lock_release(&lock);
    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(symlink("/dev/null", p->lock), 0);
    assert_int_equal(store_lock_take(&lock, p->dir, NULL, &err), -ERR_UNAVAILABLE);
    assert_int_equal(lock.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_directory_is_made_and_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_place_that_others_can_change_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_empty_place_is_made_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_taker_learns_the_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_death_releases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unreadable_owner_is_still_an_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_impossible_places, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
