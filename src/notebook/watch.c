#include "notebook/watch.h"

#include <sys/stat.h>

void watch_remember(struct notebook *nb)
{
    struct stat info;

    nb->file.known = nb->path && stat(nb->path, &info) == 0;
    if (!nb->file.known)
        return;
    nb->file.device = info.st_dev;
    nb->file.inode = info.st_ino;
    nb->file.size = (uint64_t)info.st_size;
    nb->file.seconds = info.st_mtim.tv_sec;
    nb->file.nanoseconds = info.st_mtim.tv_nsec;
}

bool notebook_changed_on_disk(const struct notebook *nb)
{
    struct stat info;

    if (!nb->path || stat(nb->path, &info) != 0)
        return false;
    return !nb->file.known || nb->file.device != info.st_dev || nb->file.inode != info.st_ino ||
           nb->file.size != (uint64_t)info.st_size || nb->file.seconds != info.st_mtim.tv_sec ||
           nb->file.nanoseconds != info.st_mtim.tv_nsec;
}
