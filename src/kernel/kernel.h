/*
 * kernel.h: the kernel process, which runs the cells of one notebook.
 *
 * Started by protocol/client.h as `saddle --kernel FD`. It owns the embedded Python; it never
 * touches the terminal: what is written to its standard output and error, by Python or by a C
 * library, becomes EVENT_STREAM.
 */
#ifndef SADDLE_KERNEL_KERNEL_H
#define SADDLE_KERNEL_KERNEL_H

/* Serves requests on the socket `fd` until the other end asks for the end or is gone. Returns the
 * process's exit status; call it in a process that has done nothing else yet. */
int kernel_main(int fd);

#endif
