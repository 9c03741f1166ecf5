/* The part of system.h that plain C can do. */
#include "system.h"

#include <stdio.h>
#include <string.h>

void say(const char *line) {
    printf("%s\n", line);
    fflush(stdout);
}

bool heard(const char *line) {
    char got[64];
    if (!fgets(got, sizeof got, stdin))
        return false;
    got[strcspn(got, "\r\n")] = '\0';
    return strcmp(got, line) == 0;
}
