#include "library.h"

#include <dlfcn.h>
#include <string.h>

int library_load(struct library *library, void *table, struct err *ret_err)
{
    void *handle = NULL;
    if (library->is_loaded)
        return 0;
    for (const char *const *file = library->files; *file != NULL && handle == NULL; file++)
        handle = dlopen(*file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "%s, which %s", library->files[0],
                       library->need);
    for (const struct library_symbol *s = library->symbols; s->name != NULL; s++)
        if (dlsym(handle, s->name) == NULL) {
            dlclose(handle);
            return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                           "the installed %s has no %s: version %s or newer is needed",
                           library->files[0], s->name, library->version);
        }
    for (const struct library_symbol *s = library->symbols; s->name != NULL; s++) {
        void *address = dlsym(handle, s->name);
        /* memcpy: ISO C has no cast from an object pointer to a function pointer. */
        memcpy((char *)table + s->offset, &address, sizeof address);
    }
    library->is_loaded = true;
    return 0;
}
