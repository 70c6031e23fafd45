#include "python/display.h"

#include "base/error.h"

const struct display_hooks *display_hooks;

bool display_show(json_t *plot, int id)
{
    return !display_hooks || display_hooks->show(plot, id);
}

bool display_save(json_t *plot, const char *path, int width, int height)
{
    if (!display_hooks)
        return error_set(ERROR_RUNTIME, "cannot draw '%s': there is no front end", path) == 0;
    return display_hooks->save(plot, path, width, height);
}

bool display_step(json_t *values)
{
    return !display_hooks || display_hooks->step(values);
}
