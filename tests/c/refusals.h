/* Makes the system refuse calls to a child, for ever: filters for system calls, and file systems of its own. */
#ifndef REFUSALS_H
#define REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#define ANY_ARGUMENT (-1)

/* From here on, this system call of this process fails, if all of `bits` are set in its argument (or it is equal, for
 * `exact`). */
void forbid_some(long call, int argument, uint32_t bits, bool exact, int error);
void forbid(long call, int error);

/* False, after printing why not. */
bool can_mount(void);
/* Runs the command where only this process and its children see what it mounts. */
void mount_here(const char *command);
void run_command(const char *command);

#endif
